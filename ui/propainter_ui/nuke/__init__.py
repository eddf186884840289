"""The panel inside Nuke. Put this folder on ``NUKE_PATH``: Nuke then runs ``init.py`` and ``menu.py``.

Here: finding the packages (``init.py``), menus (``menu.py``), the docked panel that follows a node (``dock.py``). Nuke
itself is imported nowhere at the top of a file, so that everything here can be read without it.
"""
