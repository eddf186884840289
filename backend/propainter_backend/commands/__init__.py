"""What is typed: ``propainter-remove``, ``propainter-weights``, and what ``propainter-backend doctor`` looks at.

Here: command lines and their messages. Not here: the daemon's own command line (``propainter_backend/__main__.py``), what a
removal is (``removal``), a farm's task (``farm``).
"""
