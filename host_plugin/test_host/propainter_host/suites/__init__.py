"""The suites a plugin calls: property, image effect, parameter, memory, multi-thread, message, progress, timeline.

Here: one module for each suite, whose class's methods bear the names of the slots in ``abi.py``; ``base.py`` has what they
share, ``tables.py`` makes the C tables. Not here: what the calls act on (``graph/``, ``parameters.py``, ``images.py``).
"""
