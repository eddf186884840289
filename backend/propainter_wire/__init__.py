"""What host and backend agree on: the protocol of docs/wire.md. No torch, no Qt, nothing that unpickles.

A client starts at ``client``, whose requests go over a ``link``; the daemon at ``router.py``, behind whose socket is the
``reception``; both meet in ``messages`` and ``framing.py``. ``connection.py`` and ``start.py`` find a daemon or start one.
Pixels: ``shot.py`` (what they are), ``shm.py``, ``pool.py``, ``moving.py`` (where they lie). Not here: what the daemon does
with a request (``propainter_backend.daemon``), the node's side, which is C++. Importing this package does nothing else.
"""
