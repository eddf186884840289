"""What stands in the artist's graph: the project, descriptions of effects, instances, their clips and the images lent.

Here: state, and the answers a host gives about clips. Not here: calling the plugin (``plugin.py``, ``effect/``), the C
functions (``suites/``), pixels (``images.py``).
"""
