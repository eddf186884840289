"""Who sends which message, and what answers it."""

from __future__ import annotations

from propainter_wire.messages.buffers import Buffer
from propainter_wire.messages.cache import Cache, CacheIs, CacheQuery, CacheStateIs
from propainter_wire.messages.content import Have, Need, Put, Reach, ReachIs, Stored
from propainter_wire.messages.conversation import ErrorReply, Hello, Ping, Pong, Welcome
from propainter_wire.messages.jobs import Accepted, Analyse, Cancel, Cancelled, Done, Progress, Render, Result
from propainter_wire.messages.mattes import (
    Carried,
    Carry,
    Cast,
    MatteIs,
    MattesPublished,
    Motion,
    MotionIs,
    PublishMattes,
    Select,
    Track,
)
from propainter_wire.messages.memory import ShmGrant, ShmMapped, ShmRelease, ShmRequest, ShmUnlinked
from propainter_wire.messages.message import Message
from propainter_wire.messages.shots import (
    AskPublished,
    ChangeSettings,
    CloseShot,
    OpenShot,
    Publish,
    Published,
    ShotClosed,
    ShotOpened,
)
from propainter_wire.messages.status import Status, StatusIs, Stop, Stopping

REPLIES: dict[type[Message], tuple[type[Message], ...]] = {
    Hello: (Welcome,),
    OpenShot: (ShotOpened,),
    ChangeSettings: (ShotOpened,),
    Publish: (Published,),
    AskPublished: (Published,),
    CloseShot: (ShotClosed,),
    Have: (Need,),
    Put: (Stored,),
    Reach: (ReachIs,),
    Render: (Accepted, Progress, Result, Done, Cancelled),
    Analyse: (Accepted, Progress, Done, Cancelled),
    Select: (MatteIs,),
    Track: (Accepted, Progress, MatteIs, Done, Cancelled),
    Cast: (Accepted, Progress, MatteIs, Done, Cancelled),
    Motion: (MotionIs,),
    Carry: (Carried,),
    PublishMattes: (MattesPublished,),
    Cancel: (Cancelled,),
    CacheQuery: (CacheStateIs,),
    Cache: (CacheIs,),
    Status: (StatusIs,),
    Stop: (Stopping,),
    Ping: (Pong,),
    ShmRequest: (ShmGrant,),
    ShmMapped: (ShmUnlinked,),
    ShmRelease: (),
}
"""Every request and what may answer it, besides ``ErrorReply``."""

CLIENT_MESSAGES: dict[str, type[Message]] = {request.type: request for request in REPLIES}
DAEMON_MESSAGES: dict[str, type[Message]] = {
    ErrorReply.type: ErrorReply,
    **{reply.type: reply for replies in REPLIES.values() for reply in replies},
}


def buffers_of(message: Message) -> tuple[Buffer, ...]:
    """The buffers a message describes: of ``put``, ``result`` and ``matte`` one, of all others none."""
    return (message.buffer,) if isinstance(message, (Put, Result, MatteIs)) else ()


def is_last(message: Message) -> bool:
    """Whether no other reply to the same request follows this one."""
    return not isinstance(message, (Accepted, Progress, Result)) and not (
        isinstance(message, MatteIs) and message.job is not None
    )
