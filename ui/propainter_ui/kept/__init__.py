"""What the panel keeps in the user's data folder: a session for every shot, and presets.

Here: ``kept_file.py`` (one file: whole or not at all, a damaged one set aside), ``shot_sessions.py``, ``presets.py``. Not
here: layout, theme and recent shots (``remembered.py``), when something is kept (``editing.py``). No Qt.
"""
