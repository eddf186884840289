"""For every test: threads that wait must not spin (two busy pools on few cores cost more than they compute)."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
