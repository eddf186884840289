"""The worker: one process, one device. It computes what the daemon asks, one frame at a time.

Here: the process and its threads (``worker.py``), the steps it carries out, the questions it answers, shots as it is told of
them and their pictures, what memory allows. Not here: what comes next (``daemon``), how a frame comes to be (``render``).
"""
