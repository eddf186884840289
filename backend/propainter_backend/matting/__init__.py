"""Mattes made from marks, as files: ``propainter-matte`` and ``propainter-remove --box``.

    matting.py      a wish, the plate it reads, the whole way to a written matte
    scenes.py       the runs of frames between cuts of the film; each is tracked by itself
    plates.py       between plate and working size; the backend's worker uses it, too
    marks_files.py  marks from options and from a file of strokes
    selector.py     a command of the user's own that draws the matte of a key frame

Not here: drawing and tracking themselves (``propainter_matte``), the command line (``commands/matte.py``).
"""
