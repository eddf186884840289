"""A removal as its user states it: options, the files it names, and how both go over the wire.

Shared by the two ways of carrying one out: in this process, or by the daemon. Not here: carrying it out (``commands``,
``farm``, ``render``).
"""
