"""What the panel shows, as data, and every way it changes, as pure functions.

Here: ``panel_state.py`` (the data), ``changes.py`` and ``outcomes.py`` (state in, state out), ``events.py`` (what the bridge
tells of), and what follows from the state: costs, windows, sizes, words. Not here: Qt, sockets, files, pixels.
"""
