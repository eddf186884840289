"""Who asks: requests come in, replies go out.

Here: a handler for each message, what waits until a worker is ready or a plan is made, the shots sessions have open. A
handler answers or raises a ``WireError``; it never waits. Not here: what becomes of a job (``work``), what a worker is told
(``workers``), bytes and signatures (``propainter_wire/router.py``).
"""
