"""The hosts this host can pass for: what each says of itself, has, lacks and gets wrong.

Here: data only, from measurements and reports of real hosts (host notes, section 3); a "?" there is settled here by the
harsher choice. Not here: what each quirk does (``effect/``, ``graph/``, ``suites/``). A profile is a fixed value:
``dataclasses.replace(NUKE, edges="error")`` makes the variant a test wants.
"""

from __future__ import annotations

from dataclasses import dataclass

from propainter_host.errors import UnknownName

_DEPTHS = ("Float", "Half", "Short", "Byte")


@dataclass(frozen=True)
class Profile:
    """One host."""

    name: str
    """What OfxPropName says."""
    label: str
    version: tuple[int, ...]
    """Empty: the host lacks the version properties."""
    api: tuple[int, int] | None
    """None: the host does not say, which means 1.0."""
    contexts: tuple[str, ...]
    """Contexts an effect can be made in, the preferred first."""
    depths: tuple[str, ...]
    components: tuple[str, ...]

    says_contexts: bool = True
    """False: the list of contexts the host shows is empty, though it has some."""
    temporal_access: bool = True
    """False: every time asked for gives the current frame, with status OK."""
    tiles: bool = False
    multi_resolution: bool = True
    """False: every image is padded or cut to the project's size."""
    sequential_render: int = 0

    message_suite_2: str = "present"
    """"present", "absent", or "broken": there is a table whose last pointers are wrong."""
    message_arguments: str = "formatted"
    """What becomes of what a persistent message's format asks for: "formatted", or "dropped" - the format alone is shown."""
    multi_thread: str = "works"
    """"works" or "dummy": one thread, whatever is asked."""
    has_file_path: bool = True
    """Whether the effect descriptor says where the bundle lies."""
    unknown_property_status: int = 3
    """What setting a property the host does not know returns: 3, or 0 as if it had worked."""
    has_api_1_5: bool = False
    """Whether OfxSetHost is called and the descriptor has the properties of API 1.5."""

    unconnected: str = "honest"
    """What a clip with nothing plugged in looks like: "honest" (not connected, status 1), "null" (connected, OK, no
    pixels) or "black" (connected, OK, zeros)."""
    mask_components: str = "Alpha"
    """What a clip described as a mask gets, when it supports it: "Alpha" or "RGBA"."""
    output_format: str = "source"
    """What the output is like while the plugin does not say: "source", or "richest" of all that is plugged in."""
    edges: str = "hold"
    """Frames outside a clip: "hold" the nearest, "error" (status 1), "black"."""

    row_order: str = "up"
    """"up": rowBytes is positive; "down": negative."""
    row_padding: int = 0
    """Bytes after each row."""
    image_scale: str = "honest"
    """What images say of the render scale: "honest", "one" (always 1) or "inverse"."""
    image_region: str = "honest"
    """What images say of the region of definition: "honest", or "project" whatever the clip covers."""
    identifier: str = "hash"
    """Image identifiers: "hash" of the content, "constant", or "random" each time."""
    frame_range: str = "honest"
    """Frame ranges of clips: "honest", or "local" (0..n-1, though times are the timeline's)."""

    unload_reload: bool = False
    """Whether the binary is unloaded after description and loaded again."""
    instance_per_frame: bool = False
    """Whether every frame of an instance-safe effect is rendered by an instance of its own."""
    asks_region: bool = True
    """Whether GetRegionOfDefinition is called before render."""
    message_blocks_render: bool = False
    """Whether no render is asked for while a persistent message stands."""
    sets_in_render: bool = False
    """Whether a plugin may set a parameter while it renders."""
    progress_suites: tuple[int, ...] = (1, 2)
    """Versions of the progress suite."""
    resolve_extensions: bool = False
    """Whether SrcFilePath, SrcFrame and ResolvePage are offered."""

    needs_ranges: bool = False
    """Whether a number without limits and display limits shows up with a useless slider."""
    crashing_parameters: tuple[str, ...] = ()
    """Parameter types that bring the host's panel down."""
    crashing_properties: tuple[str, ...] = ()
    """Descriptor properties that bring the host down."""
    secret_for_ever: bool = False
    """Whether a parameter described as secret can never be shown."""


NUKE = Profile(
    name="uk.co.thefoundry.nuke",
    label="Nuke",
    version=(15, 1, 0),
    api=(1, 4),
    contexts=("General", "Filter"),
    depths=("Float",),
    components=("RGBA", "Alpha"),
    tiles=True,
    row_padding=64,
    image_region="project",
    identifier="constant",
    message_blocks_render=True,
    crashing_properties=(
        "OfxImageEffectPropColourManagementStyle",
        "OfxImageEffectPropColourManagementAvailableConfigs",
    ),
    secret_for_ever=True,
)

RESOLVE = Profile(
    name="DaVinciResolve",
    label="DaVinci Resolve",
    version=(19, 1, 0),
    api=(1, 4),
    contexts=("General", "Filter", "Transition", "Generator"),
    depths=("Float", "Short", "Byte"),
    components=("RGBA", "Alpha"),
    multi_resolution=False,
    message_suite_2="absent",
    multi_thread="dummy",
    unknown_property_status=0,
    unconnected="null",
    mask_components="RGBA",
    edges="error",
    image_scale="one",
    identifier="random",
    frame_range="local",
    asks_region=False,
    sets_in_render=True,
    resolve_extensions=True,
    needs_ranges=True,
    crashing_parameters=("OfxParamTypeInteger2D", "OfxParamTypeInteger3D"),
)

RESOLVE_14 = Profile(
    name="DaVinciResolveLite",
    label="DaVinci Resolve Lite",
    version=(14, 3, 0),
    api=(1, 3),
    contexts=("General", "Filter", "Transition", "Generator"),
    depths=("Float", "Short", "Byte"),
    components=("RGBA", "Alpha"),
    multi_resolution=False,
    message_suite_2="broken",
    multi_thread="dummy",
    unknown_property_status=0,
    unconnected="black",
    mask_components="RGBA",
    edges="error",
    image_scale="one",
    identifier="random",
    asks_region=False,
    sets_in_render=True,
    needs_ranges=True,
    crashing_parameters=("OfxParamTypeInteger2D", "OfxParamTypeInteger3D"),
)

FUSION = Profile(
    name="com.blackmagicdesign.Fusion",
    label="Fusion",
    version=(),
    api=None,
    contexts=("General", "Filter", "Transition", "Retimer", "Generator"),
    depths=("Float", "Short", "Byte"),
    components=("RGBA",),
    message_suite_2="absent",
    mask_components="RGBA",
    edges="error",
    image_scale="inverse",
    identifier="random",
    row_padding=32,
)

NATRON = Profile(
    name="fr.inria.Natron",
    label="Natron",
    version=(2, 5, 0),
    api=(1, 4),
    contexts=("General", "Filter"),
    depths=("Float", "Short", "Byte"),
    components=("RGBA", "RGB", "Alpha"),
    tiles=True,
    sequential_render=2,
    message_arguments="dropped",
    output_format="richest",
    unload_reload=True,
)

MLT = Profile(
    name="MLT",
    label="MLT",
    version=(7, 41, 0),
    api=(1, 5),
    contexts=("Filter",),
    depths=_DEPTHS,
    components=("RGBA", "RGB"),
    says_contexts=False,
    temporal_access=False,
    multi_resolution=False,
    has_file_path=False,
    has_api_1_5=True,
    mask_components="RGBA",
    output_format="richest",
    row_order="down",
    identifier="random",
    instance_per_frame=True,
)

PROFILES = {
    "nuke": NUKE,
    "resolve": RESOLVE,
    "resolve14": RESOLVE_14,
    "fusion": FUSION,
    "natron": NATRON,
    "mlt": MLT,
}


def profile_named(name: str) -> Profile:
    """The profile of that name; UnknownName lists them all."""
    try:
        return PROFILES[name]
    except KeyError:
        raise UnknownName(f"there is no host profile {name!r}; choose one of {', '.join(PROFILES)}") from None
