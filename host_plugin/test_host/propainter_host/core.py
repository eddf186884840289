"""What every part of the host shares: the profile, the ledger, handles, who is calling, and what the plugin said.

Here: one value passed around, no globals. Not here: anything that acts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from propainter_host.handles import Calls, Handles, StringLoans
from propainter_host.profiles import Profile
from propainter_host.properties import Prop, PropertySet
from propainter_host.strict import Ledger, Rule

LOAD = "OfxActionLoad"
UNLOAD = "OfxActionUnload"
DESCRIBE = "OfxActionDescribe"
DESCRIBE_IN_CONTEXT = "OfxImageEffectActionDescribeInContext"
CREATE_INSTANCE = "OfxActionCreateInstance"
DESTROY_INSTANCE = "OfxActionDestroyInstance"
PURGE_CACHES = "OfxActionPurgeCaches"
SYNC_PRIVATE_DATA = "OfxActionSyncPrivateData"
BEGIN_INSTANCE_CHANGED = "OfxActionBeginInstanceChanged"
INSTANCE_CHANGED = "OfxActionInstanceChanged"
END_INSTANCE_CHANGED = "OfxActionEndInstanceChanged"
GET_CLIP_PREFERENCES = "OfxImageEffectActionGetClipPreferences"
GET_REGION_OF_DEFINITION = "OfxImageEffectActionGetRegionOfDefinition"
GET_REGIONS_OF_INTEREST = "OfxImageEffectActionGetRegionsOfInterest"
GET_FRAMES_NEEDED = "OfxImageEffectActionGetFramesNeeded"
GET_TIME_DOMAIN = "OfxImageEffectActionGetTimeDomain"
IS_IDENTITY = "OfxImageEffectActionIsIdentity"
BEGIN_SEQUENCE_RENDER = "OfxImageEffectActionBeginSequenceRender"
RENDER = "OfxImageEffectActionRender"
END_SEQUENCE_RENDER = "OfxImageEffectActionEndSequenceRender"


@dataclass(frozen=True)
class Message:
    """Something the plugin told the artist."""

    kind: str
    """"Fatal", "Error", "Warning", "Message", "Log" or "Question"."""
    text: str
    is_persistent: bool = False
    """Whether it stands on the node until cleared."""


@dataclass
class Core:
    """The shared state of one host."""

    profile: Profile
    ledger: Ledger = field(default_factory=Ledger)
    calls: Calls = field(default_factory=Calls)
    strings: StringLoans = field(default_factory=StringLoans)
    messages: list[Message] = field(default_factory=list)
    progress: list[float | None] = field(default_factory=list)
    """What progress displays showed, 0..1; None where one was closed."""
    handles: Handles = field(init=False)

    def __post_init__(self) -> None:
        self.handles = Handles(self.ledger, self.calls)

    def record(self, rule: Rule, text: str) -> None:
        """Hold something against the plugin, in the action it is in."""
        self.ledger.record(rule, text, action=self.calls.action)

    def properties(self, title: str, props: Iterable[Prop]) -> PropertySet:
        """An empty property set checked by this host's ledger."""
        return PropertySet(
            title,
            props,
            ledger=self.ledger,
            calls=self.calls,
            unknown_status=self.profile.unknown_property_status,
        )
