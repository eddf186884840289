"""A roto matte from few strokes: numpy and OpenCV, arrays in, arrays out; no files, sockets, threads, Qt, network.

    selecting.py    one frame: a box, strokes and polygons -> a matte
    tracking.py     the frames between and beyond key frames, as a generator; what a correction changes is tracked again
    doubt.py        which frames need help, in order
    spanning.py     what belongs to an object that does not span its box: its shadow
    shadows.py      what else differs from the background beside the object: shadow, reflection
    carrying.py     points along the object's flow, and the camera's motion between frames
    edges.py        soft edges at the plate's own size
    marks.py        box, stroke, polygon: what an artist draws
    footage.py      frames at the working size, their colours, flow and background motion
    cues.py  colours.py  cutting.py  weighing.py    what speaks for the object at a pixel, and drawing the line
    arrays.py       types and small filters

Frames are indices from 0 here. Not here: files, commands (``propainter_backend/matting``), the panel.
"""
