"""The panel: see, compare and steer a removal, standing alone or docked in Nuke.

The hall (these files): ``entry.py`` (the way in), ``__main__.py`` and ``window.py`` (standing alone), ``panel.py`` (one
state, its wishes, who asks), what helps it (``screen.py``, ``fetching.py``, ``playing.py``, ``dialogs.py``,
``recent_shots.py``, ``remembered.py``), ``look.py`` and ``qt.py``. Rooms: ``state/`` (all that is shown, as data, without
Qt), ``shot/`` (pictures and files), ``bridge/`` (who talks to the backend), ``widgets/`` (who shows), ``nuke/`` (docked).
Not here: computing a fill.
"""
