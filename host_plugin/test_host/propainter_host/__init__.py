"""A headless, strict OpenFX host in Python: loads a plugin, renders with numpy images, and tells what it did wrong.

Here: the names to use. ``Host`` and ``Effect`` live in ``host.py``, clips in ``images.py``, the hosts it can pass for in
``profiles.py``, the rules it keeps in ``strict.py``. As a command it is ``propainter-ofx`` (``__main__.py``).
"""

from propainter_host.effect import Project
from propainter_host.errors import (
    BadValue,
    HostError,
    PluginNotLoaded,
    PluginRefused,
    SequenceError,
    StrictnessError,
    UnknownName,
)
from propainter_host.host import Effect, Host, LoadedPlugin, Rendered
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
