"""Mattes made by a worker: a frame's at once, as the answer to a question, all others as steps of a job.

    clip.py       the frames that a matte is made of, as the daemon tells them
    footages.py   their pictures and flow at the matte's working size, kept by content within a bound of memory
    answers.py    questions: a matte from marks, the camera's motion, carried points
    runs.py       jobs under way, which may pause between any two frames
    tracking.py   a track: spans between keys, each taken over where nothing has changed
    casting.py    the shadow, frame by frame
    made.py       what a step of either leaves

Not here: drawing and tracking themselves (``propainter_matte``), files (``propainter_backend/matting``).
"""
