"""Plates, mattes, clean plates and results as files: the one reader and writer of pictures.

Here: single pictures (``images.py``), numbered sequences and what a path means (``plates.py``), video (``video.py``), colour
into and out of the working range (``color.py``). Who reads pictures: the commands, the daemon's clients, the panel, the
headless host. Not here: what is done with them; no torch, no sockets, no Qt.
"""
