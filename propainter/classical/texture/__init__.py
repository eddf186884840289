"""Texture for what no frame shows: places to copy from, never colours.

Here: ``paint_texture`` (``painter.py``), the order of work. Behind it: the search in a key frame (``search.py``), what is
alike (``likeness.py``), offsets worth trying (``offsets.py``, ``repetition.py``), the choice among them (``pieces.py``,
``labels.py``), how sure it is (``sureness.py``); the way to the other frames (``carrying.py``, ``surroundings.py``,
``registering.py``); light (``levels.py``, ``steadying.py``). Not here: the smooth painter
(``propainter/classical/paint.py``), the choice (``propainter/painters.py``).
"""
