"""What host and backend agree on: the protocol of docs/wire.md. No torch, no Qt, nothing that unpickles.

A client starts at ``client.py``, the daemon at ``router.py``; both meet in ``messages``. Importing this package does
nothing else.
"""
