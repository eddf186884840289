"""What an effect is made of, handed to all its parts."""

from __future__ import annotations

from dataclasses import dataclass

from propainter_host.core import Core
from propainter_host.graph.descriptor import Descriptor
from propainter_host.graph.project import Project
from propainter_host.images import NumpyClip
from propainter_host.plugin import Plugin


@dataclass(frozen=True)
class Setup:
    """One effect's surroundings; only what is plugged in changes."""

    core: Core
    plugin: Plugin
    descriptor: Descriptor
    project: Project
    contents: dict[str, NumpyClip | None]
    """What is plugged in, by clip name."""
    is_interactive: bool
    """Whether a panel is open."""
