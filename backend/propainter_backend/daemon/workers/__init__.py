"""Who does it: the daemon's end of each worker process.

Here: starting them, talking to them without waiting, noticing silence and death, questions that always end in an answer. Not
here: what is worth doing (``work``), what a worker does with it (``propainter_backend.worker``).
"""
