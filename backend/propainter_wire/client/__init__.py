"""The backend as a client sees it: shots, frames, renders. Used by the command line, the panel and the test host.

Here: the exchange of docs/wire.md as calls (``client.py``), one request and its answer (``asking.py``), content that the
backend lacks (``uploads.py``), a job's events (``jobs.py``), mattes (``mattes.py``), the client's side of shared memory
(``memory.py``). Not here: the socket and its thread (``link``), starting a backend (``start.py``).
"""

from propainter_wire.client.client import REQUEST_TIMEOUT_S, Client
from propainter_wire.client.jobs import SILENCE_S, FrameMatte, FrameResult
from propainter_wire.client.uploads import FrameProvider

__all__ = ["REQUEST_TIMEOUT_S", "SILENCE_S", "Client", "FrameMatte", "FrameProvider", "FrameResult"]
