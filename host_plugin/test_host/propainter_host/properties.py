"""Property sets: which properties each object has, their types, sizes and defaults, and the checks on every access.

Here: the tables (OpenFX ABI notes, section 4 to 6) and ``PropertySet``. Not here: the C functions that reach them
(``suites/``). An unknown property is tolerated and noted; a wrong type, an index past the end or a write to what the
host owns is a violation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from propainter_host.abi import Refusal, Status
from propainter_host.handles import Calls
from propainter_host.strict import Ledger, Rule

INT, DOUBLE, STRING, POINTER = "int", "double", "string", "pointer"

_ZERO: Mapping[str, Any] = {INT: 0, DOUBLE: 0.0, STRING: "", POINTER: None}


@dataclass(frozen=True)
class Prop:
    """One property an object has."""

    name: str
    kind: str
    """INT, DOUBLE, STRING or POINTER."""
    dimension: int = 1
    """How many values; 0 = as many as are set."""
    default: tuple[Any, ...] | None = None
    """None: zeros or empty strings (nothing for a dimension of 0)."""
    writable: bool = False
    """Whether the plugin may set it."""

    @property
    def initial(self) -> list[Any]:
        """The values before anybody sets any."""
        return [_ZERO[self.kind]] * self.dimension if self.default is None else list(self.default)


def _props(kind: str, *names: str, dimension: int = 1, writable: bool = False) -> tuple[Prop, ...]:
    return tuple(Prop(name, kind, dimension, None, writable) for name in names)


def _open(kind: str, *names: str, dimension: int = 1) -> tuple[Prop, ...]:
    return _props(kind, *names, dimension=dimension, writable=True)


HOST = (
    Prop("OfxPropType", STRING, default=("OfxTypeImageEffectHost",)),
    *_props(STRING, "OfxPropName", "OfxPropLabel", "OfxPropVersionLabel", "OfxImageEffectHostPropNativeOrigin"),
    *_props(INT, "OfxPropVersion", "OfxPropAPIVersion", dimension=0),
    *_props(
        INT,
        "OfxImageEffectHostPropIsBackground",
        "OfxImageEffectPropTemporalClipAccess",
        "OfxImageEffectPropSupportsTiles",
        "OfxImageEffectPropSupportsMultiResolution",
        "OfxImageEffectPropMultipleClipDepths",
        "OfxImageEffectPropSupportsMultipleClipPARs",
        "OfxImageEffectPropSetableFrameRate",
        "OfxImageEffectPropSetableFielding",
        "OfxImageEffectPropSupportsOverlays",
        "OfxImageEffectInstancePropSequentialRender",
        "OfxImageEffectPropRenderQualityDraft",
        "OfxParamHostPropSupportsStringAnimation",
        "OfxParamHostPropSupportsChoiceAnimation",
        "OfxParamHostPropSupportsBooleanAnimation",
        "OfxParamHostPropSupportsCustomAnimation",
        "OfxParamHostPropSupportsCustomInteract",
        "OfxParamHostPropMaxParameters",
        "OfxParamHostPropMaxPages",
    ),
    *_props(
        STRING,
        "OfxImageEffectPropSupportedContexts",
        "OfxImageEffectPropSupportedComponents",
        "OfxImageEffectPropSupportedPixelDepths",
        dimension=0,
    ),
    *_props(INT, "OfxParamHostPropPageRowColumnCount", dimension=2),
    *_props(POINTER, "OfxPropHostOSHandle"),
)
"""The host descriptor (4.1); ``profiles.py`` says which of them a host lacks."""

EFFECT_DESCRIPTOR = (
    Prop("OfxPropType", STRING, default=("OfxTypeImageEffect",)),
    *_open(
        STRING,
        "OfxPropLabel",
        "OfxPropShortLabel",
        "OfxPropLongLabel",
        "OfxPropPluginDescription",
        "OfxPropVersionLabel",
        "OfxImageEffectPluginPropGrouping",
    ),
    *_open(INT, "OfxPropVersion", dimension=0),
    *_open(
        STRING,
        "OfxImageEffectPropSupportedContexts",
        "OfxImageEffectPropSupportedPixelDepths",
        "OfxImageEffectPropClipPreferencesSlaveParam",
        dimension=0,
    ),
    *_open(
        INT,
        "OfxImageEffectPropTemporalClipAccess",
        "OfxImageEffectPluginPropSingleInstance",
        "OfxImageEffectInstancePropSequentialRender",
        "OfxImageEffectPropMultipleClipDepths",
        "OfxImageEffectPropSupportsMultipleClipPARs",
    ),
    Prop("OfxImageEffectPropSupportsTiles", INT, default=(1,), writable=True),
    Prop("OfxImageEffectPropSupportsMultiResolution", INT, default=(1,), writable=True),
    Prop("OfxImageEffectPluginPropHostFrameThreading", INT, default=(1,), writable=True),
    Prop("OfxImageEffectPluginPropFieldRenderTwiceAlways", INT, default=(1,), writable=True),
    Prop(
        "OfxImageEffectPluginRenderThreadSafety",
        STRING,
        default=("OfxImageEffectRenderInstanceSafe",),
        writable=True,
    ),
    *_open(
        STRING,
        "OfxImageEffectPropOpenGLRenderSupported",
        "OfxImageEffectPropCudaRenderSupported",
        "OfxImageEffectPropMetalRenderSupported",
        "OfxImageEffectPropOpenCLRenderSupported",
    ),
    *_open(POINTER, "OfxImageEffectPluginPropOverlayInteractV1"),
    *_open(STRING, "OfxPropIcon", dimension=2),
)
"""Describe and DescribeInContext (4.2), without what API 1.5 added and without the file path, which hosts may lack."""

EFFECT_DESCRIPTOR_1_5 = (
    *_open(STRING, "OfxImageEffectPropNoSpatialAwareness", "OfxImageEffectPropCPURenderSupported"),
    *_open(STRING, "OfxImageEffectPropColourManagementStyle"),
    *_open(STRING, "OfxImageEffectPropColourManagementAvailableConfigs", dimension=0),
)
FILE_PATH = _props(STRING, "OfxPluginPropFilePath")

CLIP_DESCRIPTOR = (
    Prop("OfxPropType", STRING, default=("OfxTypeClip",)),
    *_props(STRING, "OfxPropName"),
    *_open(STRING, "OfxPropLabel", "OfxPropShortLabel", "OfxPropLongLabel"),
    *_open(STRING, "OfxImageEffectPropSupportedComponents", dimension=0),
    *_open(INT, "OfxImageEffectPropTemporalClipAccess", "OfxImageClipPropOptional", "OfxImageClipPropIsMask"),
    Prop("OfxImageEffectPropSupportsTiles", INT, default=(1,), writable=True),
    Prop("OfxImageClipPropFieldExtraction", STRING, default=("OfxFieldDoubled",), writable=True),
)
"""The out handle of clipDefine (4.3)."""

CLIP = (
    *(Prop(one.name, one.kind, one.dimension, one.default) for one in CLIP_DESCRIPTOR),
    *_props(INT, "OfxImageClipPropConnected", "OfxImageClipPropContinuousSamples"),
    *_props(
        STRING,
        "OfxImageEffectPropComponents",
        "OfxImageEffectPropPixelDepth",
        "OfxImageClipPropUnmappedComponents",
        "OfxImageClipPropUnmappedPixelDepth",
        "OfxImageEffectPropPreMultiplication",
        "OfxImageClipPropFieldOrder",
    ),
    *_props(
        DOUBLE,
        "OfxImagePropPixelAspectRatio",
        "OfxImageEffectPropFrameRate",
        "OfxImageEffectPropUnmappedFrameRate",
    ),
    *_props(DOUBLE, "OfxImageEffectPropFrameRange", "OfxImageEffectPropUnmappedFrameRange", dimension=2),
)
"""A clip of an instance (4.4)."""

IMAGE = (
    Prop("OfxPropType", STRING, default=("OfxTypeImage",)),
    *_props(POINTER, "OfxImagePropData"),
    *_props(INT, "OfxImagePropBounds", "OfxImagePropRegionOfDefinition", dimension=4),
    *_props(INT, "OfxImagePropRowBytes"),
    *_props(
        STRING,
        "OfxImageEffectPropPixelDepth",
        "OfxImageEffectPropComponents",
        "OfxImageEffectPropPreMultiplication",
        "OfxImagePropField",
        "OfxImagePropUniqueIdentifier",
    ),
    *_props(DOUBLE, "OfxImagePropPixelAspectRatio"),
    *_props(DOUBLE, "OfxImageEffectPropRenderScale", dimension=2),
)
"""The out handle of clipGetImage (4.5)."""

EFFECT = (
    Prop("OfxPropType", STRING, default=("OfxTypeImageEffectInstance",)),
    *_open(POINTER, "OfxPropInstanceData"),
    *_props(STRING, "OfxImageEffectPropContext", "OfxPropLabel"),
    *_props(
        DOUBLE,
        "OfxImageEffectPropProjectSize",
        "OfxImageEffectPropProjectOffset",
        "OfxImageEffectPropProjectExtent",
        dimension=2,
    ),
    *_props(
        DOUBLE,
        "OfxImageEffectPropPixelAspectRatio",
        "OfxImageEffectInstancePropEffectDuration",
        "OfxImageEffectPropFrameRate",
    ),
    *_props(INT, "OfxPropIsInteractive", "OfxImageEffectPropSupportsTiles"),
    *_open(INT, "OfxImageEffectInstancePropSequentialRender"),
)
"""An effect instance (4.6)."""

PARAM_SET: tuple[Prop, ...] = (Prop("OfxPropType", STRING, default=("OfxTypeParameterSet",)),)

_EVERY_PARAM = (
    Prop("OfxPropType", STRING, default=("OfxTypeParameter",)),
    *_props(STRING, "OfxParamPropType", "OfxPropName"),
    *_open(
        STRING,
        "OfxPropLabel",
        "OfxPropShortLabel",
        "OfxPropLongLabel",
        "OfxParamPropHint",
        "OfxParamPropScriptName",
        "OfxParamPropParent",
    ),
    *_open(INT, "OfxParamPropSecret"),
    Prop("OfxParamPropEnabled", INT, default=(1,), writable=True),
    *_open(STRING, "OfxPropIcon", dimension=2),
    *_open(POINTER, "OfxParamPropDataPtr"),
)

_VALUE_PARAM = (
    *(
        Prop(name, INT, default=(1,), writable=True)
        for name in (
            "OfxParamPropAnimates",
            "OfxParamPropPersistant",
            "OfxParamPropEvaluateOnChange",
            "OfxParamPropCanUndo",
        )
    ),
    *_open(INT, "OfxParamPropPluginMayWrite"),
    Prop("OfxParamPropCacheInvalidation", STRING, default=("OfxParamInvalidateValueChange",), writable=True),
    *_props(INT, "OfxParamPropIsAnimating", "OfxParamPropIsAutoKeying"),
)

RANGE_NAMES = ("OfxParamPropMin", "OfxParamPropMax", "OfxParamPropDisplayMin", "OfxParamPropDisplayMax")


@dataclass(frozen=True)
class ValueType:
    """What a parameter of some type holds."""

    kind: str
    """INT, DOUBLE or STRING."""
    count: int = 1
    ranged: bool = False
    """Whether it has a minimum and a maximum."""


VALUE_TYPES: Mapping[str, ValueType] = {
    "OfxParamTypeInteger": ValueType(INT, 1, ranged=True),
    "OfxParamTypeInteger2D": ValueType(INT, 2, ranged=True),
    "OfxParamTypeInteger3D": ValueType(INT, 3, ranged=True),
    "OfxParamTypeDouble": ValueType(DOUBLE, 1, ranged=True),
    "OfxParamTypeDouble2D": ValueType(DOUBLE, 2, ranged=True),
    "OfxParamTypeDouble3D": ValueType(DOUBLE, 3, ranged=True),
    "OfxParamTypeBoolean": ValueType(INT),
    "OfxParamTypeChoice": ValueType(INT),
    "OfxParamTypeStrChoice": ValueType(STRING),
    "OfxParamTypeRGBA": ValueType(DOUBLE, 4),
    "OfxParamTypeRGB": ValueType(DOUBLE, 3),
    "OfxParamTypeString": ValueType(STRING),
    "OfxParamTypeCustom": ValueType(STRING),
}
"""The types that hold a value; groups, pages and push buttons hold none."""

_NO_VALUE: Mapping[str, tuple[Prop, ...]] = {
    "OfxParamTypeGroup": (Prop("OfxParamPropGroupOpen", INT, default=(1,), writable=True),),
    "OfxParamTypePage": _open(STRING, "OfxParamPropPageChild", dimension=0),
    "OfxParamTypePushButton": (),
}

_EXTRA: Mapping[str, tuple[Prop, ...]] = {
    "OfxParamTypeChoice": _open(STRING, "OfxParamPropChoiceOption", dimension=0)
    + _open(INT, "OfxParamPropChoiceOrder", dimension=0),
    "OfxParamTypeStrChoice": _open(STRING, "OfxParamPropChoiceOption", "OfxParamPropChoiceEnum", dimension=0),
    "OfxParamTypeString": (
        Prop("OfxParamPropStringMode", STRING, default=("OfxParamStringIsSingleLine",), writable=True),
        Prop("OfxParamPropStringFilePathExists", INT, default=(1,), writable=True),
    ),
}

_DOUBLE_PARAM = (
    Prop("OfxParamPropIncrement", DOUBLE, default=(1.0,), writable=True),
    Prop("OfxParamPropDigits", INT, default=(2,), writable=True),
    Prop("OfxParamPropDoubleType", STRING, default=("OfxParamDoubleTypePlain",), writable=True),
    Prop("OfxParamPropShowTimeMarker", INT, writable=True),
)


def param_properties(param_type: str) -> tuple[Prop, ...] | None:
    """What a parameter of this type has (section 6), or None for a type this host does not know."""
    if param_type in _NO_VALUE:
        return _EVERY_PARAM + _NO_VALUE[param_type]
    value = VALUE_TYPES.get(param_type)
    if value is None:
        return None
    props = _EVERY_PARAM + _VALUE_PARAM + (Prop("OfxParamPropDefault", value.kind, value.count, None, True),)
    if value.ranged:
        # No limits yet: an empty range is told apart from one that was set to zero (Resolve shows (0, 0) for it).
        props += tuple(Prop(name, value.kind, 0, None, True) for name in RANGE_NAMES)
        if value.kind == DOUBLE:
            props += _DOUBLE_PARAM
    return props + _EXTRA.get(param_type, ())


_INSTANCE_WRITABLE = {
    "OfxPropLabel",
    "OfxPropShortLabel",
    "OfxPropLongLabel",
    "OfxParamPropHint",
    "OfxParamPropSecret",
    "OfxParamPropEnabled",
    "OfxParamPropParent",
    "OfxParamPropDataPtr",
    "OfxParamPropDefault",
    "OfxParamPropEvaluateOnChange",
    "OfxParamPropIncrement",
    "OfxParamPropDigits",
    "OfxParamPropChoiceOption",
    "OfxParamPropPageChild",
    "OfxParamPropGroupOpen",
    *RANGE_NAMES,
}


def param_instance_properties(param_type: str) -> tuple[Prop, ...]:
    """What an instance's parameter has: the same, of which the plugin may change less."""
    described = param_properties(param_type) or ()
    return tuple(
        Prop(one.name, one.kind, one.dimension, one.default, one.name in _INSTANCE_WRITABLE) for one in described
    )


class PropertySet:
    """Values by name, checked by type, index and owner. The plugin's side raises Refusal; the host's side KeyError."""

    def __init__(
        self, title: str, props: Iterable[Prop], *, ledger: Ledger, calls: Calls, unknown_status: int = 3
    ) -> None:
        self._title = title
        self._props = {prop.name: prop for prop in props}
        self._values = {prop.name: prop.initial for prop in self._props.values()}
        self._ledger = ledger
        self._calls = calls
        self._unknown_status = Status(unknown_status)
        self.touched: set[str] = set()
        """Names the plugin has set or tried to, known or not."""

    def __str__(self) -> str:
        return self._title

    def __contains__(self, name: str) -> bool:
        return name in self._props

    def __getitem__(self, name: str) -> list[Any]:
        """All values of one property, for the host's own use."""
        return self._values[name]

    def first(self, name: str) -> Any:
        """The first value of one property, for the host's own use; None when it has no values."""
        values = self._values[name]
        return values[0] if values else None

    def put(self, **values: Any) -> PropertySet:
        """Set values as the host, whoever owns them; a list or tuple is several values. Returns itself."""
        for name, value in values.items():
            self._values[name] = list(value) if isinstance(value, (list, tuple)) else [value]
            if name not in self._props:
                raise KeyError(f"{self} has no property {name}")
        return self

    def copy_from(self, other: PropertySet) -> PropertySet:
        """Take over every value the other set has of the same name. Returns itself."""
        for name in self._values:
            if name in other._values and name != "OfxPropType":
                self._values[name] = list(other._values[name])
        self.touched |= other.touched
        return self

    def drop(self, name: str) -> None:
        """This host does not have that property."""
        self._props.pop(name, None)
        self._values.pop(name, None)

    # What the plugin reaches through the property suite.

    def set_at(self, name: str, kind: str, index: int, value: Any) -> None:
        """One value; for an open-ended property the index may be one past the last."""
        prop = self._writable(name, kind)
        values = self._values[name]
        limit = prop.dimension or len(values) + 1
        if not 0 <= index < limit:
            self._record(Rule.BAD_INDEX, f"{name}[{index}] of {self} is set, but it has {limit} place(s)")
            raise Refusal(Status.BAD_INDEX)
        if index == len(values):
            values.append(value)
        values[index] = value

    def set_all(self, name: str, kind: str, new: Sequence[Any]) -> None:
        """All values at once."""
        prop = self._writable(name, kind)
        if prop.dimension and len(new) != prop.dimension:
            self._record(Rule.BAD_INDEX, f"{name} of {self} is set to {len(new)} values, but it has {prop.dimension}")
            raise Refusal(Status.BAD_INDEX)
        self._values[name] = list(new)

    def get_at(self, name: str, kind: str, index: int) -> Any:
        """One value."""
        values = self._readable(name, kind)
        if not 0 <= index < len(values):
            self._record(Rule.BAD_INDEX, f"{name}[{index}] of {self} is read, but it has {len(values)} value(s)")
            raise Refusal(Status.BAD_INDEX)
        return values[index]

    def get_all(self, name: str, kind: str, count: int) -> list[Any]:
        """The first `count` values."""
        values = self._readable(name, kind)
        if not 0 <= count <= len(values):
            self._record(Rule.BAD_INDEX, f"{count} values of {name} of {self} are read, but it has {len(values)}")
            raise Refusal(Status.BAD_INDEX)
        return values[:count]

    def reset(self, name: str) -> None:
        """Back to the default."""
        prop = self._known(name)
        self._writable(name, prop.kind)
        self._values[name] = prop.initial

    def dimension(self, name: str) -> int:
        """How many values there are now."""
        return len(self._values[self._known(name).name])

    def _known(self, name: str) -> Prop:
        prop = self._props.get(name)
        if prop is None:
            raise Refusal(Status.UNKNOWN)
        return prop

    def _readable(self, name: str, kind: str) -> list[Any]:
        self._of_kind(self._known(name), kind, "read")
        return self._values[name]

    def _writable(self, name: str, kind: str) -> Prop:
        self.touched.add(name)
        if name not in self._props:
            self._ledger.note(f"{self} has no property {name}; the plugin set it all the same")
            raise Refusal(self._unknown_status)
        prop = self._props[name]
        self._of_kind(prop, kind, "set")
        if not prop.writable:
            self._record(Rule.READ_ONLY, f"{name} of {self} is set")
            raise Refusal(Status.VALUE)
        return prop

    def _of_kind(self, prop: Prop, kind: str, verb: str) -> None:
        if prop.kind != kind:
            self._record(Rule.WRONG_TYPE, f"{prop.name} of {self} is {verb} as {kind}, but it is {prop.kind}")
            raise Refusal(Status.VALUE)

    def _record(self, rule: Rule, text: str) -> None:
        self._ledger.record(rule, text, action=self._calls.action)
