"""The worker: one process, one device. It computes what the daemon asks, one frame at a time.

Here: the process, its pipe and its questions. Not here: what comes next (``daemon``), how a frame comes to be (``render``).
"""
