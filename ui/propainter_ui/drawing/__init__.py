"""What the hand does on the picture: boxes, strokes, outlines, stamps, as geometry.

Here: gestures and outlines, in pixels of the plate; no Qt. Not here: the mouse and the pen (``widgets/viewer.py``), how a
gesture looks while it is made (``widgets/drawing_painting.py``), what it does to the matte (``matte/``, ``matte_desk.py``).
"""
