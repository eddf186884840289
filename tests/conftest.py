"""For every test: threads that wait must not spin (two busy pools on few cores cost more than they compute), those that run
side by side compute on one thread each, no example is judged by its time, and Ctrl-C counts in the background, too."""

import os
import signal

from hypothesis import settings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        os.environ.setdefault(name, "1")
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # a shell does so with "&", and programs under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
