"""What is typed: ``propainter-remove``, ``propainter-weights``, ``propainter-backend`` and what its ``doctor`` looks at.

Here: command lines and their messages. Not here: what a removal is (``removal``), a farm's task (``farm``), serving
(``daemon``).
"""
