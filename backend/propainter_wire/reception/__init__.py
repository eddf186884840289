"""What stands behind the daemon's socket: who comes in, who is there, and what waits for them.

Here: letting connections in (``door.py``), those there are, and showing out who says nothing (``connections.py``), listed
CURVE keys (``doorkeeper.py``), replay (``hellos.py``), verifying and admitting messages (``admission.py``), sessions and
their leases (``sessions.py``), feeling for them when connections end (``disconnects.py``), replies (``replies.py``) and
those a client has not read yet (``outbox.py``), pixels both ways (``pixels.py``). Not here: the socket and its poll
(``router.py``), what a session may do with its shots and jobs (the daemon).
"""
