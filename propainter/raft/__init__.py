"""RAFT: optical flow by iterative refinement over all-pairs correlation (Teed & Deng, ECCV 2020; spec, section 2).

Here: the network (``network.py``), its correlation lookup (``correlation.py``) and the estimation of a run of frames
(``estimation.py``). Not here: reading the checkpoint (``weights.py``), the estimator without a network (``dis.py``).
"""

from propainter.raft.estimation import estimate_flow
from propainter.raft.network import Raft, RaftConfig

__all__ = ["Raft", "RaftConfig", "estimate_flow"]
