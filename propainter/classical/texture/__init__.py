"""Texture for what no frame shows: places to copy from, never colours.

Here: ``paint_texture`` (``painter.py``), the order of work. Behind it: the search in a key frame (``search.py``, one
size of it in ``patches.py``, likely offsets in ``repetition.py``), the way to the other frames (``carrying.py``), light
(``levels.py``). Not here: the smooth painter (``propainter/classical/paint.py``), the choice (``propainter/painters.py``).
"""
