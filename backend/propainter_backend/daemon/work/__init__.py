"""What is to be done: jobs, the order of their steps, and the delivery of what was made.

Here: the scheduler, which decides and does nothing, and ``Jobs``, which does what it decides. Not here: who asked for a job
(``requests``), processes (``workers``).
"""
