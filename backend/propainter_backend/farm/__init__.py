"""One stage of one run of frames as a scheduler's task: killed, repeated or run twice, it gives the same frames.

Here: ``propainter-remove run-chunk``, which units a task computes, the records tasks leave each other. Not here: how a unit
is computed (``render``), job templates (``installer/openjd``, ``installer/slurm``).
"""
