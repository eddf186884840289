"""``propainter-remove --box``: the matte is made first, of marks, and then removed by.

Here: ``matte_of_marks``. Not here: the options (``matting/options.py``), making mattes (``matting/matting.py``).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from propainter_backend.commands.matte import carry_out
from propainter_backend.errors import BadInput
from propainter_backend.matting.options import has_marks, matting_of


@contextmanager
def matte_of_marks(options: argparse.Namespace, check: Callable[[], object]) -> Iterator[None]:
    """Where marks are given in place of a matte, make it and name it in ``options.matte`` while the context lasts.

    check: whether the removal can be at all, before minutes go into a matte. Raises BadInput or OutputError as it and
    making mattes do.
    """
    if not has_marks(options):
        _refuse_lone(options)
        yield
        return
    if options.matte is not None:
        raise BadInput("--matte and marks both say what to remove; give one of them, or the matte as --keys")
    if options.save_matte is not None and Path(options.save_matte).resolve() == Path(options.output).resolve():
        raise BadInput(
            f"--save-matte and --output are both {options.output}; give the matte that was made a place of its own"
        )
    if options.watch:
        raise BadInput("--watch follows a matte's files; make one with propainter-matte and give it as --matte")
    with tempfile.TemporaryDirectory(prefix="propainter-matte-") as folder:
        options.matte = options.save_matte or str(Path(folder) / "matte")
        wish = matting_of(options, output=options.matte, shadow_output=None, as_alpha=False)
        check()
        carry_out(wish, quiet=options.quiet)
        yield


def _refuse_lone(options: argparse.Namespace) -> None:
    """Options that go with marks and would be of no effect."""
    for name in ("save_matte", "selector", "shadow", "reflections"):
        if getattr(options, name):
            raise BadInput(f"--{name.replace('_', '-')} goes with marks; add --box FRAME:x,y,width,height")
