"""What can go wrong in the headless host, as a tree.

Here: exception classes only. Not here: what a plugin did wrong while running, which is noted and raised at the end
(``strict.py``), nor the statuses a plugin returns (``abi.py``).

    HostError
    |-- PluginNotLoaded      the binary cannot be opened, or is no image effect
    |-- PluginRefused        an action that must succeed was refused
    |-- UnknownName          no such parameter, clip, context or profile
    |-- BadValue             a parameter or clip cannot take this value
    |-- SequenceError        image files cannot be found, read or written
    `-- StrictnessError      raised at the end: what the plugin did that a host may punish
"""

from __future__ import annotations


class HostError(Exception):
    """Anything this host refuses; the text is one sentence for the person at the shell."""


class PluginNotLoaded(HostError):
    """The binary is missing, cannot be opened by the loader, or holds no image effect of API version 1."""


class PluginRefused(HostError):
    """An action that must return OK (load, describe, describe in context, create instance) returned something else."""


class UnknownName(HostError):
    """A parameter, clip, context or profile of that name does not exist."""


class BadValue(HostError):
    """A value lies outside what the parameter or clip accepts."""


class SequenceError(HostError):
    """Image files cannot be found, read, understood or written."""


class StrictnessError(HostError):
    """The plugin broke rules of the interface; the text lists each once, in the order they happened."""
