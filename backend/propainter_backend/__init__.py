"""The backend: everything between a wish to remove something and the pictures without it.

Rooms, from the street inwards: ``commands`` (what is typed), ``farm`` (one task of a scheduler), ``daemon`` (many clients,
one scheduler), ``worker`` (a process the daemon computes with), ``removal`` (a removal as its user states it), ``render``
(how a frame comes to be). ``errors.py`` is shared by all. Not here: files of pictures (``propainter_pictures``), messages
(``propainter_wire``), the computing itself (``propainter``).
"""
