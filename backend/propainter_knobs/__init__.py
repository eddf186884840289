"""Every setting of a removal, stated once: one row of ``table.py`` a knob.

Here: what a knob is (``knob.py``), the rows (``table.py``). Who reads them: the engine's and the protocol's settings, the
command's options, the panel's page, the dock; the node's C++, docs/wire.md and PARAMETERS.md are generated from them
(``host_plugin/ofx/write_knobs.py``). Not here: what a setting does, and what is no setting of a removal: files, frames,
quality, devices. Anybody may import it: the standard library is all it needs.
"""
