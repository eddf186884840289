"""The message suite: what a plugin says to the artist, and a table that must not be used."""

from __future__ import annotations

from typing import Any

from propainter_host import abi
from propainter_host.abi import Refusal, Status
from propainter_host.core import Message
from propainter_host.graph.descriptor import EffectHandle
from propainter_host.graph.instance import Instance
from propainter_host.strict import Rule
from propainter_host.suites.base import SuiteFunctions


class MessageFunctions(SuiteFunctions):
    """OfxMessageSuite 1 and 2."""

    def message(
        self, effect: int | None, kind: bytes | None, _id: bytes | None, template: int | None, *arguments: Any
    ) -> int:
        if effect:
            self._core.handles.find(effect, EffectHandle, "message")
        short = self._kind(kind)
        self._core.messages.append(Message(short, abi.format_message(template, arguments)))
        return Status.REPLY_DEFAULT if short == "Question" else Status.OK

    def setPersistentMessage(
        self, effect: int | None, kind: bytes | None, _id: bytes | None, template: int | None, *arguments: Any
    ) -> None:
        instance = self._core.handles.find(effect, Instance, "setPersistentMessage")
        text = self._format(template, arguments)
        message = Message(self._kind(kind), text, is_persistent=True)
        instance.persistent_message = message
        self._core.messages.append(message)

    def clearPersistentMessage(self, effect: int | None) -> None:
        self._core.handles.find(effect, Instance, "clearPersistentMessage").persistent_message = None

    def _format(self, template: int | None, arguments: tuple[Any, ...]) -> str:
        """The text as this host shows it."""
        if self._core.profile.message_arguments == "formatted":
            return abi.format_message(template, arguments)
        text = abi.format_text(template)
        if "%" in text.replace("%%", ""):
            self._core.record(
                Rule.HOST_TRAP, f"{self._core.profile.label} shows {text!r}: it drops what the format asks for"
            )
        return text.replace("%%", "%")

    def _kind(self, kind: bytes | None) -> str:
        short = self._text(kind, "a message without a type").removeprefix("OfxMessage")
        if short not in ("Fatal", "Error", "Warning", "Message", "Log", "Question"):
            self._core.record(Rule.BAD_VALUE, f"a message of type {short}")
        return short


class BrokenMessageFunctions(MessageFunctions):
    """A version 2 table that must not be used: the last pointer is NULL, the one before leads astray."""

    def setPersistentMessage(self, *_arguments: Any) -> None:
        self._core.record(
            Rule.HOST_TRAP, f"setPersistentMessage on {self._core.profile.name}, whose pointer leads nowhere"
        )
        raise Refusal(Status.FAILED)
