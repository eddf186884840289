"""One effect in the artist's graph: what may be asked of it, and the order of actions a real host keeps.

Here: ``effect.py`` is the door; behind it instances, edits, clip preferences, questions before a render, and the render.
Not here: state that handles name (``graph/``), single calls into the plugin (``plugin.py``), the host (``host.py``).
"""
