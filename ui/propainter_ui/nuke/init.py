"""Run by Nuke in every session, with and without a window: lets its Python find the panel. Nothing is imported here.

The panel and the packages it needs (pyzmq, msgpack, numpy, xxhash; to read files: OpenImageIO, PyAV) are looked for where
this file lies, and in the folder named by ``PROPAINTER_SITE``, which goes last so that nothing of Nuke's is replaced.
"""

import os
import sys
from pathlib import Path

for folder in (str(Path(__file__).resolve().parents[2]), os.environ.get("PROPAINTER_SITE", "")):
    if folder and folder not in sys.path:
        sys.path.append(folder)
