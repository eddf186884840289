"""Every request ends in an answer: within ``refusing``, an error is one.

Here: ``refusing`` and ``guarded``, for a request and for what goes on with it later. Not here: what errors say (where
they are raised), their codes (``propainter_wire/errors.py``).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from propainter_wire.errors import WireError
from propainter_wire.router import Request, Router

log = logging.getLogger(__name__)

T = TypeVar("T")


@contextmanager
def refusing(router: Router, request: Request) -> Iterator[None]:
    """Within it, an error answers the request. Every request and every continuation of one runs in it."""
    try:
        yield
    except WireError as error:
        router.reply_error(request, error)
    except Exception:
        log.exception("a request of %s failed", request.client)
        sentence = "the backend made a mistake; its log has the rest"
        router.reply_error(request, WireError("internal", sentence))


def guarded(router: Router, request: Request, then: Callable[[T], None]) -> Callable[[T], None]:
    """A continuation of a request that is called later, from elsewhere."""

    def go_on(value: T) -> None:
        with refusing(router, request):
            then(value)

    return go_on
