"""The instance behind a node, and the copies some hosts render with."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from propainter_host import core
from propainter_host.abi import Status
from propainter_host.effect.edits import Edits
from propainter_host.effect.preferences import ClipPreferences
from propainter_host.effect.setup import Setup
from propainter_host.errors import BadValue, PluginRefused
from propainter_host.graph.instance import Instance


class Instances:
    """Makes and destroys instances, and says whose turn it is to render."""

    def __init__(self, setup: Setup, preferences: ClipPreferences, edits: Edits) -> None:
        self._setup = setup
        self._preferences = preferences
        self._edits = edits
        self._render_lock = threading.Lock()
        self._live: Instance | None = self._make()

    @property
    def live(self) -> Instance:
        """The node's own instance. Raises: BadValue when it was destroyed."""
        if self._live is None:
            raise BadValue("this effect was destroyed; create another")
        return self._live

    def destroy(self) -> None:
        """Nothing can be asked of the node afterwards; a second time does nothing."""
        if self._live is not None:
            self._destroy(self._live)
            self._live = None

    @contextlib.contextmanager
    def for_a_render(self) -> Iterator[Instance]:
        """The instance, or a copy of it for this one frame, once it is this render's turn."""
        with self._turn(), self._for_one_frame() as instance:
            yield instance

    @contextlib.contextmanager
    def _for_one_frame(self) -> Iterator[Instance]:
        if not self._has_instance_per_frame:
            yield self.live
            return
        instance = self._make(like=self.live)
        try:
            yield instance
        finally:
            self.live.persistent_message = instance.persistent_message
            self._destroy(instance)

    def _turn(self) -> contextlib.AbstractContextManager[Any]:
        """Wait for whatever the plugin's thread safety demands."""
        locks: dict[str, contextlib.AbstractContextManager[Any]] = {
            "Unsafe": self._setup.plugin.render_lock,
            "InstanceSafe": contextlib.nullcontext() if self._has_instance_per_frame else self._render_lock,
        }
        return locks.get(self._setup.descriptor.thread_safety, contextlib.nullcontext())

    @property
    def _has_instance_per_frame(self) -> bool:
        return self._setup.core.profile.instance_per_frame and self._setup.descriptor.thread_safety != "Unsafe"

    def _make(self, *, like: Instance | None = None) -> Instance:
        setup, plugin = self._setup, self._setup.plugin
        instance = Instance(
            setup.core, setup.descriptor, setup.project, setup.contents, is_interactive=setup.is_interactive
        )
        if like is not None:
            instance.remember_data(like)
        instance.on_plugin_edit = lambda param: self._edits.tell(
            instance, "OfxTypeParameter", param.name, "OfxChangePluginEdited"
        )
        page = {"OfxImageEffectPropResolvePage": "Color"} if setup.core.profile.resolve_extensions else {}
        status = plugin.perform(core.CREATE_INSTANCE, instance, plugin.arguments(**page) if page else None)
        if status not in (Status.OK, Status.REPLY_DEFAULT):
            raise PluginRefused(f"{plugin} answered {core.CREATE_INSTANCE} with {status.name} ({int(status)})")
        self._preferences.apply(instance)
        return instance

    def _destroy(self, instance: Instance) -> None:
        status = self._setup.plugin.perform(core.DESTROY_INSTANCE, instance)
        self._setup.plugin.must_or_default(core.DESTROY_INSTANCE, status)
        for thing in instance.everything():
            self._setup.core.handles.retire(thing)
