"""What can go wrong with a removal that its user can put right.

Here: the whole tree of errors whose text is one sentence for the user; those about pictures come from
``propainter_pictures/errors.py``. Not here: errors on the wire (``propainter_wire/errors.py``), unreadable weights
(``propainter/weights.py``, which is pure and has its own ``WeightsError``).

    RemoveError
      BadInput        a plate or matte that cannot be used as it is
      OutputError     a result that cannot be written where it was asked for
      FetchError      weights that could not be downloaded
"""

from __future__ import annotations

from propainter_pictures.errors import BadInput, OutputError, RemoveError

__all__ = ["BadInput", "FetchError", "OutputError", "RemoveError"]


class FetchError(RemoveError):
    """Weights could not be downloaded, or are not what was asked for."""
