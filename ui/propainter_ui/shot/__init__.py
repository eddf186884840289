"""The open shot's pictures: from the files that were dropped to what the eye gets, and back to files.

Here: telling and reading files (``shot_files.py``), keeping frames (``frame_store.py``), views (``picture.py``), making
them on a thread (``frame_maker.py``), writing results (``export.py``). Not here: the backend (``bridge/``), the screen
(``widgets/``).
"""
