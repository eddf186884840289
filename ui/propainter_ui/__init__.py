"""The panel: see, compare and steer a removal, standing alone or docked in Nuke.

The hall (these files): ``entry.py`` (the way in), ``__main__.py`` and ``window.py`` (standing alone), ``panel.py`` (one
state and its wishes), who asks for them (``commands.py``: hotkeys and menus, shown by ``menus.py``; ``wiring.py``: widgets),
where everything stands (``layout.py``), keys and focus (``keys.py``, ``surface.py``), what helps it (``screen.py``,
``fetching.py``, ``playing.py``, ``files.py``, ``batch.py``, ``dialogs.py``, ``recent_shots.py``, ``remembered.py``),
``bounded_store.py``, ``look.py`` and ``qt.py``. Rooms: ``state/`` (all that is shown, as data, without Qt), ``shot/``
(pictures and files), ``bridge/`` (who talks to the backend), ``widgets/`` (who shows), ``kept/`` (what is kept of shots),
``matte/`` (the drawn matte as a document), ``drawing/`` (gestures as geometry), ``desk/`` (who draws on the document),
``nuke/`` (docked), ``first_run/`` (what the window shows while nothing is set up).
Not here: computing a fill.
"""
