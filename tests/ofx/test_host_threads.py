"""Several renders at once, and renders given up: what the declared thread safety allows, and how an abort ends."""

import ctypes
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from propainter_host import Effect, Host, NumpyClip

UNTIL_ABORTED = 10.0
"""Seconds the probe would wait in render: longer than any test takes."""


@pytest.fixture
def host() -> Iterator[Host]:
    with Host("natron") as opened:
        yield opened


def most_renders_at_once(probe: Path) -> int:
    """The probe's own count since last asked."""
    binary = ctypes.CDLL(str(probe / "Contents" / "Linux-x86-64" / "Probe.ofx"))
    count = int(binary.ProbeMostRenders())
    ctypes.CDLL(None).dlclose(ctypes.c_void_p(binary._handle))  # else the host could never close it
    return count


def render_together(effects: list[Effect], numbers: list[int]) -> list[np.ndarray | None]:
    """Each effect renders its frame on a thread of its own."""
    with ThreadPoolExecutor(len(effects)) as pool:
        return [one.pixels for one in pool.map(lambda effect, number: effect.render(number), effects, numbers)]


@pytest.mark.parametrize(
    ("safety", "same_effect", "different_effects"),
    [("FullySafe", 2, 2), ("InstanceSafe", 1, 2), ("Unsafe", 1, 1)],
)
def test_renders_run_together_as_far_as_the_plugin_says_is_safe(
    host: Host,
    probe: Path,
    plate: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    safety: str,
    same_effect: int,
    different_effects: int,
) -> None:
    monkeypatch.setenv("PROBE_SAFETY", f"OfxImageEffectRender{safety}")
    plugin = host.load(probe)
    first, second = (plugin.create(clips={"Source": NumpyClip(plate)}) for _ in range(2))
    for effect in (first, second):
        effect.set_param("meet", True)  # renders that may meet wait for each other, however slow the machine is
        effect.set_param("radius", 0)
    for effects, expected in (([first, first], same_effect), ([first, second], different_effects)):
        for effect in (first, second):
            effect.set_param("slow_s", UNTIL_ABORTED if expected == 2 else 0.1)
        most_renders_at_once(probe)
        pictures = render_together(effects, [3, 6])
        np.testing.assert_array_equal(pictures, plate[[2, 5]])
        assert most_renders_at_once(probe) == expected


def test_a_render_ends_when_another_thread_aborts_it(host: Host, probe: Path, plate: np.ndarray) -> None:
    effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
    effect.set_param("slow_s", UNTIL_ABORTED)
    flag = threading.Event()
    threading.Timer(0.05, flag.set).start()
    rendered = effect.render(3, abort=flag)
    assert (rendered.outcome, rendered.pixels) == ("aborted", None)


def test_a_render_ends_by_itself_after_the_time_allowed(host: Host, probe: Path, plate: np.ndarray) -> None:
    effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
    effect.set_param("slow_s", UNTIL_ABORTED)
    assert effect.render(3, abort_after_s=0.05).outcome == "aborted"


def test_aborting_an_effect_ends_all_its_renders_and_no_later_one(host: Host, probe: Path, plate: np.ndarray) -> None:
    effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
    effect.set_param("slow_s", UNTIL_ABORTED)
    threading.Timer(0.05, effect.abort).start()
    assert effect.render(3).outcome == "aborted"
    effect.set_param("slow_s", 0.0)
    assert effect.render(3).outcome == "done"


def test_a_render_aborted_before_it_starts_is_aborted_and_its_progress_cancelled(
    host: Host, probe: Path, plate: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    effect = host.load(probe).create(clips={"Source": NumpyClip(plate)})
    effect.set_param("slow_s", UNTIL_ABORTED)
    flag = threading.Event()
    flag.set()
    monkeypatch.setenv("PROBE_TRACE", str(tmp_path / "trace"))
    assert effect.render(3, abort=flag).outcome == "aborted"
    assert "cancelled" in (tmp_path / "trace").read_text().split()
