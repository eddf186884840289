"""One image effect plugin: finding and opening its binary, its life from load to unload, and every call into it.

Here: ``Plugin``, through whose ``perform`` all actions go. Not here: instances and rendering (``effect/``), the suites
the plugin calls back (``suites/``).
"""

from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from propainter_host import abi
from propainter_host.abi import OfxHost, OfxPlugin, Status
from propainter_host.core import DESCRIBE, DESCRIBE_IN_CONTEXT, LOAD, UNLOAD, Core
from propainter_host.errors import BadValue, PluginNotLoaded, PluginRefused, UnknownName
from propainter_host.graph.clip import LentImage
from propainter_host.graph.descriptor import Descriptor
from propainter_host.graph.names import OUTPUT, long_context
from propainter_host.handles import Call
from propainter_host.properties import (
    DOUBLE,
    HOST,
    INT,
    POINTER,
    RANGE_NAMES,
    STRING,
    Prop,
    PropertySet,
)
from propainter_host.strict import Rule
from propainter_host.suites.tables import Suites

_BINARY_FOLDER = "MacOS" if sys.platform == "darwin" else "Linux-x86-64"
_FUTURE_ACTION = "OfxActionOfAnotherCentury"
_MAY_FAIL_TO_LOAD = "the log of the plugin, or `ldd` on the binary, may say which library is missing"


def find_binary(path: Path) -> Path:
    """The loadable file of a bundle (``NAME.ofx.bundle``), or `path` itself when it is a file.

    Raises: PluginNotLoaded, saying where the binary was expected.
    """
    if path.is_file():
        return path
    expected = path / "Contents" / _BINARY_FOLDER / path.name.removesuffix(".bundle")
    if expected.is_file():
        return expected
    if path.is_dir():
        raise PluginNotLoaded(
            f"the bundle {path} has no binary at {expected.relative_to(path)}; was it built for here?"
        )
    raise PluginNotLoaded(f"there is no plugin at {path}; give an .ofx file or an .ofx.bundle folder")


class Library:
    """An opened binary: its three symbols, and closing it for good."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(path.resolve()))
        except OSError as error:
            raise PluginNotLoaded(f"{path} cannot be opened ({error}); {_MAY_FAIL_TO_LOAD}") from error
        missing = [name for name in ("OfxGetNumberOfPlugins", "OfxGetPlugin") if not hasattr(self._library, name)]
        if missing:
            raise PluginNotLoaded(f"{path} does not export {' and '.join(missing)}; it is no OpenFX plugin")

    def set_host(self, host: OfxHost) -> None:
        """Call OfxSetHost where there is one (API 1.5). PluginNotLoaded when the binary asks to be skipped."""
        if hasattr(self._library, "OfxSetHost") and self._library.OfxSetHost(ctypes.byref(host)) != Status.OK:
            raise PluginNotLoaded("the binary asked to be skipped on this host (OfxSetHost)")

    def plugins(self) -> list[OfxPlugin]:
        """All plugins in the binary."""
        get = self._library.OfxGetPlugin
        get.restype = ctypes.POINTER(OfxPlugin)
        return [get(index).contents for index in range(self._library.OfxGetNumberOfPlugins())]

    def close(self) -> None:
        """Give the binary back to the loader."""
        ctypes.CDLL(None).dlclose(ctypes.c_void_p(self._library._handle))


class Plugin:
    """A plugin that is loaded and described.

    path: an .ofx file or a bundle. plugin_id: which one, when the binary holds several.

    Raises: PluginNotLoaded, PluginRefused.
    """

    def __init__(self, core: Core, suites: Suites, path: Path, plugin_id: str | None) -> None:
        self._core = core
        self.path = path
        self.render_lock = threading.Lock()
        """Held through every render of a plugin that is safe for one render at a time."""
        self._contexts: dict[str, Descriptor] = {}
        self._plugin_id = plugin_id
        self._fetch_suite = abi.FETCH_SUITE(_never_raising(core, suites))
        self._host_props = _host_properties(core)
        self._host = OfxHost(core.handles.of(self._host_props), ctypes.cast(self._fetch_suite, ctypes.c_void_p).value)
        self.descriptor = self._open_and_describe()
        if core.profile.unload_reload:
            self.unload()
            self.descriptor = self._open_and_describe()

    def __str__(self) -> str:
        return self.identifier

    # Life.

    def _open_and_describe(self) -> Descriptor:
        """Open, load, describe; a binary that refuses is closed again."""
        self._library = Library(find_binary(self.path))
        is_loaded = False
        try:
            self._load()
            is_loaded = True
            return self._describe()
        except BaseException:
            if is_loaded:
                self.perform(UNLOAD)
            self._library.close()
            raise

    def _load(self) -> None:
        if self._core.profile.has_api_1_5:
            self._library.set_host(self._host)
        plugin = self._choose(self._library.plugins())
        self.identifier: str = plugin.pluginIdentifier.decode("ascii", "replace")
        self.version = (int(plugin.pluginVersionMajor), int(plugin.pluginVersionMinor))
        self._check_identity(plugin)
        self._main_entry = abi.MAIN_ENTRY(plugin.mainEntry)
        abi.SET_HOST(plugin.setHost)(ctypes.addressof(self._host))
        self._must(LOAD, self.perform(LOAD))

    def _choose(self, plugins: list[OfxPlugin]) -> OfxPlugin:
        names = [(one.pluginIdentifier or b"").decode("ascii", "replace") for one in plugins]
        if self._plugin_id is None and len(plugins) == 1:
            return plugins[0]
        if self._plugin_id in names:
            return plugins[names.index(self._plugin_id)]
        raise PluginNotLoaded(f"{self.path} holds {len(names)} plugin(s): {', '.join(names)}; name one of them")

    def _check_identity(self, plugin: OfxPlugin) -> None:
        if plugin.pluginApi != b"OfxImageEffectPluginAPI" or plugin.apiVersion != 1:
            raise PluginNotLoaded(
                f"{self.identifier} is written to {plugin.pluginApi!r} {plugin.apiVersion}, not to image effects 1"
            )
        if not self.identifier.isascii() or " " in self.identifier or "." not in self.identifier:
            self._core.record(Rule.BAD_DESCRIPTION, f"identifier {self.identifier!r} is no reverse domain name")

    def _describe(self) -> Descriptor:
        descriptor = self._new_descriptor(None, None)
        self._must(DESCRIBE, self.perform(DESCRIBE, descriptor))
        status = self.perform(_FUTURE_ACTION)
        if status is not Status.REPLY_DEFAULT:
            self._core.record(
                Rule.WRONG_STATUS, f"an unknown action was answered with {status.name}, not REPLY_DEFAULT"
            )
        return descriptor

    def in_context(self, context: str) -> Descriptor:
        """What the plugin is in a context ("Filter", "General"...); described at first use.

        Raises: UnknownName when plugin or host lack the context; PluginRefused.
        """
        if context not in self._contexts:
            for who, offered in (("the plugin", self.descriptor.contexts), ("the host", self._core.profile.contexts)):
                if context not in offered:
                    raise UnknownName(f"{who} has no context {context!r}; it has {', '.join(offered) or 'none'}")
            descriptor = self._new_descriptor(context, self.descriptor)
            ins = self.arguments(OfxImageEffectPropContext=long_context(context))
            self._must(DESCRIBE_IN_CONTEXT, self.perform(DESCRIBE_IN_CONTEXT, descriptor, ins))
            review(self._core, descriptor)
            for props in [*descriptor.clips.values(), *(param.props for param in descriptor.params)]:
                self._core.handles.retire(props)
            self._contexts[context] = descriptor
        return self._contexts[context]

    def unload(self) -> None:
        """Unload the plugin and close the binary; its descriptors are gone."""
        status = self.perform(UNLOAD)
        if status not in (Status.OK, Status.REPLY_DEFAULT):
            self._core.record(Rule.WRONG_STATUS, f"{UNLOAD} returned {status.name}")
        for descriptor in [self.descriptor, *self._contexts.values()]:
            for thing in (descriptor, descriptor.props, descriptor.params, descriptor.params.props):
                self._core.handles.retire(thing)
        self._contexts.clear()
        self._library.close()

    def _new_descriptor(self, context: str | None, base: Descriptor | None) -> Descriptor:
        return Descriptor(self._core, self.identifier, context=context, base=base, path=str(self.path.resolve()))

    # Calls.

    def perform(
        self,
        action: str,
        subject: object | None = None,
        ins: PropertySet | None = None,
        outs: PropertySet | None = None,
        *,
        call: Call | None = None,
    ) -> Status:
        """One action on this thread; whatever the plugin still holds when it returns is taken back and noted."""
        calls, handles = self._core.calls, self._core.handles
        call = call or Call(action, subject)
        call.action, call.subject = action, subject
        handle, in_handle, out_handle = (None if one is None else handles.of(one) for one in (subject, ins, outs))
        calls.stack.append(call)
        try:
            number = self._main_entry(action.encode(), handle, in_handle, out_handle)
            self._take_back_images(call)
            if call.progress is not None:
                self._core.record(Rule.BAD_VALUE, "progress is started and not ended")
            return self._status(action, number)
        finally:
            calls.stack.pop()
            for arguments in (ins, outs):
                if arguments is not None:
                    handles.retire(arguments)

    def arguments(self, **values: Any) -> PropertySet:
        """An action's inArgs: read-only properties, their types those of the values; a tuple is several."""
        props = [
            Prop(name, _kind(value), len(value) if isinstance(value, tuple) else 1) for name, value in values.items()
        ]
        return self._core.properties("the arguments of the action", props).put(**values)

    def answers(self, **values: Any) -> PropertySet:
        """An action's outArgs: what the plugin may set, holding the defaults; a list is open-ended, a tuple is not."""
        props = [
            Prop(
                name,
                _kind(value),
                len(value) if isinstance(value, tuple) else 0 if isinstance(value, list) else 1,
                None,
                True,
            )
            for name, value in values.items()
        ]
        return self._core.properties("the answers of the action", props).put(**values)

    def perform_at(
        self, action: str, subject: object, time: float, ins: PropertySet | None, outs: PropertySet | None
    ) -> Status:
        """One action about a moment of the time line."""
        return self.perform(action, subject, ins, outs, call=Call(action, subject, time))

    def must_or_default(self, action: str, status: Status) -> bool:
        """True when the plugin answered, False when it left things at their defaults; others are noted."""
        if status not in (Status.OK, Status.REPLY_DEFAULT):
            self._core.record(Rule.WRONG_STATUS, f"{action} returned {status.name}")
        return status is Status.OK

    def _must(self, action: str, status: Status) -> None:
        may_default = action == LOAD
        if status is not Status.OK and not (may_default and status is Status.REPLY_DEFAULT):
            raise PluginRefused(f"{self.identifier} answered {action} with {status.name} ({int(status)})")

    def _status(self, action: str, number: int) -> Status:
        try:
            return Status(number)
        except ValueError:
            self._core.record(Rule.WRONG_STATUS, f"{action} returned {number}, which means nothing")
            return Status.FAILED

    def _take_back_images(self, call: Call) -> None:
        for handle, image in list(call.images.items()):
            self._core.record(Rule.UNRELEASED_IMAGE, str(image))
            lent = self._core.handles.find(handle, LentImage, "taking back an image")
            lent.inspect(self._core)
            self._core.handles.retire(lent)
        call.images.clear()


def _never_raising(core: Core, suites: Suites) -> Callable[[int | None, bytes | None, int], int | None]:
    def fetch(host: int | None, name: bytes | None, version: int) -> int | None:
        try:
            return suites.fetch(host, name, version)
        except Exception as error:
            core.record(Rule.HOST_FAULT, f"fetchSuite: {type(error).__name__}: {error}")
            return None

    return fetch


_KINDS: Mapping[type, str] = {int: INT, float: DOUBLE, str: STRING, type(None): POINTER}


def _kind(value: Any) -> str:
    return _KINDS[type(value[0] if isinstance(value, (tuple, list)) else value)]


def _host_properties(core: Core) -> PropertySet:
    """What this host says of itself, without what its profile lacks."""
    profile = core.profile
    props = core.properties("the host descriptor", HOST).put(
        OfxPropName=profile.name,
        OfxPropLabel=profile.label,
        OfxPropVersion=profile.version,
        OfxPropVersionLabel=".".join(map(str, profile.version)),
        OfxPropAPIVersion=profile.api or (1, 0),
        OfxImageEffectHostPropIsBackground=1,
        OfxImageEffectPropTemporalClipAccess=int(profile.temporal_access),
        OfxImageEffectPropSupportsTiles=int(profile.tiles),
        OfxImageEffectPropSupportsMultiResolution=int(profile.multi_resolution),
        OfxImageEffectInstancePropSequentialRender=profile.sequential_render,
        OfxImageEffectPropRenderQualityDraft=1,
        OfxImageEffectHostPropNativeOrigin="kOfxImageEffectHostPropNativeOriginBottomLeft",
        OfxParamHostPropMaxParameters=-1,
        OfxImageEffectPropSupportedContexts=[long_context(one) for one in profile.contexts if profile.says_contexts],
        OfxImageEffectPropSupportedComponents=["OfxImageComponent" + one for one in profile.components],
        OfxImageEffectPropSupportedPixelDepths=["OfxBitDepth" + one for one in profile.depths],
    )
    if profile.api is None:
        props.drop("OfxPropAPIVersion")
    if not profile.version:
        props.drop("OfxPropVersion")
        props.drop("OfxPropVersionLabel")
    return props


def review(core: Core, descriptor: Descriptor) -> None:
    """Hold against the plugin what its description of one context lacks, or what this host would break on."""
    for complaint in [*_effect_complaints(descriptor), *_clip_complaints(descriptor), *_param_complaints(descriptor)]:
        core.ledger.record(Rule.BAD_DESCRIPTION, complaint, action=DESCRIBE_IN_CONTEXT)
    for trap in _traps(core, descriptor):
        core.ledger.record(Rule.HOST_TRAP, f"{trap}, on {core.profile.label}", action=DESCRIBE_IN_CONTEXT)


def _effect_complaints(descriptor: Descriptor) -> list[str]:
    complaints = []
    if not descriptor.props.first("OfxPropLabel"):
        complaints.append("the effect has no label")
    if not descriptor.depths:
        complaints.append("the effect supports no pixel depth")
    if descriptor.thread_safety not in ("Unsafe", "InstanceSafe", "FullySafe"):
        complaints.append(f"the effect's thread safety is {descriptor.thread_safety!r}")
    return complaints


def _clip_complaints(descriptor: Descriptor) -> list[str]:
    wanted = [OUTPUT] + (["Source"] if descriptor.context == "Filter" else [])
    complaints = [
        f"context {descriptor.context} needs a clip {name}" for name in wanted if name not in descriptor.clips
    ]
    for name, clip in descriptor.clips.items():
        if not clip["OfxImageEffectPropSupportedComponents"]:
            complaints.append(f"clip {name} supports no components")
        is_extra = descriptor.context == "Filter" and name not in (OUTPUT, "Source")
        if is_extra and not clip.first("OfxImageClipPropOptional"):
            complaints.append(f"clip {name} is extra to the context Filter and must be optional")
    return complaints


def _param_complaints(descriptor: Descriptor) -> list[str]:
    complaints = []
    groups = {param.name for param in descriptor.params if param.param_type == "OfxParamTypeGroup"}
    for param in descriptor.params:
        parent = param.props.first("OfxParamPropParent")
        if parent and parent not in groups:
            complaints.append(f"{param} lies in {parent}, which is no group")
        if param.value_type:
            try:
                param.require_in_range(param.default)
            except BadValue as error:
                complaints.append(f"the default of {error}")
    return complaints


def _traps(core: Core, descriptor: Descriptor) -> list[str]:
    profile = core.profile
    traps = [f"{name} is set" for name in profile.crashing_properties if name in descriptor.props.touched]
    for param in descriptor.params:
        if param.param_type in profile.crashing_parameters:
            traps.append(f"{param} is of type {param.param_type}")
        is_ranged = param.value_type is not None and param.value_type.ranged
        if profile.needs_ranges and is_ranged and not all(param.props[name] for name in RANGE_NAMES):
            traps.append(f"{param} lacks a minimum, a maximum or a display range")
    return traps
