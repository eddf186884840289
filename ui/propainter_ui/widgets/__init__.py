"""Widgets: each shows a part of the state and asks for changes by signals.

Here: what is on the screen, painting and layout of each. Not here: what is done about a wish (``panel.py``), the state
(``state/``), the backend (``bridge/``).
"""
