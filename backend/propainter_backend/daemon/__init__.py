"""The daemon: many clients, one scheduler, some workers.

Here: requests and replies, jobs, the order of work, workers' lives, the relay. No torch: the daemon answers in a blink. Not
here: bytes on sockets (``propainter_wire``), computing (``worker``, a process of its own).
"""
