"""Grain: what a frame's plate has of it, taking it off a picture, putting it on.

Here: ``grain.py`` says what grain is, ``measuring.py`` measures it along the motion, ``removing.py`` parts a picture
from it, ``gains.py`` tells how much a fill was made with, ``laying.py`` synthesises it and lays it on the fill. Pictures
are float (h, w, 3) in the working range, at the plate's size.
Not here: which pictures these are (the backend's stages ``grain`` and ``composite``).
"""
