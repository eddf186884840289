"""The matte as a document: what the artist drew, what was made of it, and the matte that comes of both.

Here: ``document.py`` (all of it as data), ``strokes.py`` and ``outlines.py`` (what is drawn), ``edits.py`` (by hand),
``news.py`` (what the backend tells), ``standing.py`` (keys, doubt, what is to be tracked), ``recipes.py`` and ``cooking.py``
(a frame's final matte), ``raster.py`` (shapes and strokes as pixels), ``store.py`` (solved mattes), ``project.py`` (all of
it as JSON), ``cloning.py`` (clean plates painted by clone stamp). Not here: files (``shot/matte_files.py``), the mouse
(``drawing/``, ``desk/``) and the widgets (``widgets/``), asking the backend (``bridge/``), how a matte looks in the viewer
(``shot/matte_views.py``). No Qt; every change gives a new document, so undo keeps the old one.
"""
