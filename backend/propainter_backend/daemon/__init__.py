"""The daemon: many clients, one scheduler, some workers.

Three rooms: who asks (``requests``), what is to be done (``work``), who does it (``workers``); each knows those after it.
Here: the daemon that builds and turns them, the relay that stands in for a daemon elsewhere, and what both need: keys,
devices, replies that wait, how long to live. No torch: the daemon answers in a blink. Not here: bytes on sockets
(``propainter_wire``), computing (``worker``, a process of its own).
"""
