"""How well an engine restores what is known: the ProPainter paper's protocol over a folder of clips.

Here: clips in DAVIS layout (``clips.py``), what is removed from them (``holes.py``), the measures (``measures.py``, and
``i3d.py`` for VFID), the run over all clips (``protocol.py``), what the paper says (``published.py``) and the table beside
it (``table.py``). Not here: the command (``commands/evaluate.py``), the removal itself (``render``).
"""
