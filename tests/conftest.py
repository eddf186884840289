"""For every test: threads that wait must not spin (two busy pools on few cores cost more than they compute), and no example
is judged by how long it took."""

import os

from hypothesis import settings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
