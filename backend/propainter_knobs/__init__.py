"""Every control an artist meets, stated once: settings of a removal in ``table.py``, the rest in ``controls.py``.

Here: settings of a removal (``table.py``, made of ``knob.py``), everything else that is turned or pressed
(``controls.py``), where it stands (``sections.py``). Who reads them: the engine's and the protocol's settings, the command's
options, the panel's page, the dock; the node's parameters, docs/wire.md and PARAMETERS.md are generated from them
(``host_plugin/ofx/write_knobs.py``). Not here: what a setting does. Anybody may import it: the standard library is all it
needs.
"""
