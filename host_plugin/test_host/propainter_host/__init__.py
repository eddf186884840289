"""A headless, strict OpenFX host in Python: loads a plugin, renders with numpy images, and tells what it did wrong.

Here: the names to use. ``Host`` lives in ``host.py``, ``Effect`` in ``effect/``, clips in ``images.py``, the hosts it can
pass for in ``profiles.py``, the rules it keeps in ``strict.py``. As a command it is ``propainter-ofx`` (``__main__.py``).
"""

from propainter_host.effect.effect import Effect
from propainter_host.effect.request import Rendered
from propainter_host.errors import (
    BadValue,
    HostError,
    PluginNotLoaded,
    PluginRefused,
    SequenceError,
    StrictnessError,
    UnknownName,
)
from propainter_host.graph.project import Project
from propainter_host.host import Host, LoadedPlugin
from propainter_host.images import Frame, NumpyClip, Rect
from propainter_host.profiles import PROFILES, Profile
from propainter_host.strict import Rule, Violation

__all__ = [
    "PROFILES",
    "BadValue",
    "Effect",
    "Frame",
    "Host",
    "HostError",
    "LoadedPlugin",
    "NumpyClip",
    "PluginNotLoaded",
    "PluginRefused",
    "Profile",
    "Project",
    "Rect",
    "Rendered",
    "Rule",
    "SequenceError",
    "StrictnessError",
    "UnknownName",
    "Violation",
]
