"""How a frame comes to be: stages, their keys, the cache, and the one evaluator that asks for them.

Torch lives here. Not here: who asks and in which order (``daemon``, ``commands``, ``farm``), the networks (``propainter``).
"""
