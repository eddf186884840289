"""The bridge: the only room that talks to the backend, on threads of its own.

Here: connecting, telling of the shot, rendering, fetching, asking what is published. Not here: the protocol
(``propainter_wire.client``), what the panel makes of what it hears (``state/outcomes.py``).
"""
