"""``propainter-ofx``: apply any OpenFX image effect to image sequences from a shell, as a chosen host would.

    propainter-ofx --plugin ProPainterRemove.ofx.bundle --source plate/ --mask roto.%04d.exr --output clean/
    propainter-ofx --plugin ProPainterRemove.ofx.bundle --list

Exit codes: 0 every frame is there, 1 some are not, 2 a bad argument or file (one sentence says which), 3 with ``--strict``
when the plugin broke rules of the interface, 130 interrupted. Here: arguments, the loop over frames, what is printed. Not
here: the host (``host.py``), files (``sequences.py``).
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections.abc import Sequence as Items
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

from propainter_host.effect.effect import Effect
from propainter_host.effect.request import Rendered, as_scale
from propainter_host.errors import BadValue, HostError, UnknownName
from propainter_host.graph.descriptor import Descriptor
from propainter_host.host import Host, LoadedPlugin
from propainter_host.images import NumpyClip
from propainter_host.parameters import Param
from propainter_host.profiles import PROFILES
from propainter_host.sequences import Writer, find_sequence, matte_clip, picture_clip
from propainter_knobs.command_line import CommandParser
from propainter_pictures.console import speak_any_encoding
from propainter_pictures.frame_range import with_negative_frames

_DONE, _SOME_FAILED, _BAD_INPUT, _RULES_BROKEN, _INTERRUPTED = 0, 1, 2, 3, 130


def main(arguments: Items[str] | None = None) -> int:
    """Run the command; the return value is its exit code."""
    speak_any_encoding()
    options = _parser().parse_args(with_negative_frames(sys.argv[1:] if arguments is None else arguments))
    try:
        with Host(options.profile, strict=False) as host:
            plugin = host.load(options.plugin, plugin_id=options.plugin_id)
            if options.list:
                sys.stdout.write(describe(plugin, options.context))
                return _DONE
            code = _apply(host, plugin, options)
        return _RULES_BROKEN if _report_rules(host) and options.strict and code == _DONE else code
    except HostError as error:
        sys.stderr.write(f"propainter-ofx: {error}\n")
        return _BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        prog="propainter-ofx",
        description="Apply an OpenFX node to image sequences, as a chosen host would.",
        examples=(
            "propainter-ofx --plugin NODE.ofx.bundle --list",
            "propainter-ofx --plugin NODE.ofx.bundle --source plate/ --mask matte/ --output clean/ --param grow=6",
        ),
    )
    add = parser.add_argument
    add("--plugin", required=True, metavar="BUNDLE", help="an .ofx.bundle folder or an .ofx file")
    add("--plugin-id", metavar="ID", help="which plugin, when the binary holds several")
    add("--list", action="store_true", help="show the effect's clips, parameters and defaults, and stop")
    add(
        "--source", metavar="IMAGES", help="the plate: a folder, a pattern (plate.%%04d.exr, plate.####.exr) or a still"
    )
    add("--mask", metavar="IMAGES", help="the matte, plugged into the clip Mask")
    add("--clean-plate", metavar="IMAGES", help="a clean plate, plugged into the clip CleanPlate")
    add("--clip", action="append", default=[], metavar="NAME=IMAGES", help="plug images into any other clip")
    add("--output", metavar="IMAGES", help="a folder or a pattern to write to")
    add("--param", action="append", default=[], metavar="NAME=VALUE", help="set a parameter; choices take their label")
    add("--button", action="append", default=[], metavar="NAME", help="press a push button before rendering")
    add("--profile", default="nuke", choices=list(PROFILES), help="the host to pass for (default nuke)")
    add("--context", help="Filter, General...; default: the host's favourite")
    add("--frames", metavar="LIST", help="such as 1-24, 1-24x2 or 3,7,10-12; default: all of the source")
    add("--scale", type=float, default=1.0, help="proxy scale, such as 0.5 (default 1)")
    add("--threads", type=int, default=1, help="frames rendered at once, where the effect allows (default 1)")
    add("--shuffle", action="store_true", help="render in a mixed order, as caching hosts do")
    add("--strict", action="store_true", help="exit with 3 when the plugin breaks rules of the interface")
    return parser


# Listing.


def describe(plugin: LoadedPlugin, context: str | None) -> str:
    """The effect's clips, parameters and defaults, as text."""
    descriptor = plugin.describe(context)
    major, minor = plugin.version
    lines = [f"{plugin.label} ({plugin.identifier} {major}.{minor}), context {descriptor.context}", "", "Clips"]
    lines += [_clip_line(descriptor, name) for name in descriptor.clips]
    lines += ["", "Parameters"]
    lines += [_param_line(param) for param in descriptor.params]
    return "\n".join(lines) + "\n"


def _clip_line(descriptor: Descriptor, name: str) -> str:
    clip = descriptor.clips[name]
    components = "/".join(
        one.removeprefix("OfxImageComponent") for one in clip["OfxImageEffectPropSupportedComponents"]
    )
    words = [components]
    words += ["optional"] if clip.first("OfxImageClipPropOptional") else []
    words += ["mask"] if clip.first("OfxImageClipPropIsMask") else []
    words += ["other frames too"] if clip.first("OfxImageEffectPropTemporalClipAccess") else []
    return f"  {name:<20} {', '.join(words)}"


def _param_line(param: Param) -> str:
    words = [param.param_type.removeprefix("OfxParamType").lower()]
    if param.value_type:
        words.append(f"default {_default(param)}")
    lowest, highest = param.limits
    if lowest and highest:
        words.append(f"{_number(lowest[0])} to {_number(highest[0])}")
    if param.choices:
        words.append(f"one of: {' | '.join(param.choices)}")
    if param.props.first("OfxParamPropSecret"):
        words.append("hidden")
    hint = str(param.props.first("OfxParamPropHint") or "").strip()
    return f"  {param.name:<20} {', '.join(words)}" + (f"\n  {'':<20} {hint}" if hint else "")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _default(param: Param) -> str:
    if param.choices and isinstance(param.default[0], int):
        return param.choices[param.default[0]]
    return ", ".join(str(value) if value != "" else "empty" for value in param.default)


# Applying.


def _apply(host: Host, plugin: LoadedPlugin, options: argparse.Namespace) -> int:
    for option in ("source", "output"):
        if not getattr(options, option):
            raise BadValue(f"--{option} is missing; only --list does without")
    plate = find_sequence(options.source)
    frames = parse_frames(options.frames) if options.frames else plate.numbers
    as_scale((options.scale, options.scale))
    span = (min(frames), max(frames))
    writer = Writer.for_output(options.output, plate, frames, scale=options.scale)
    effect = plugin.create(options.context, clips=_clips(plugin.describe(options.context), options, span))
    for name, value in (_pair(text, "--param") for text in options.param):
        effect.set_param(name, value)
    for name in options.button:
        effect.push_button(name)
    if options.shuffle:
        random.Random(0).shuffle(frames)
    return _render_all(host, effect, writer, frames, options)


def _clips(descriptor: Descriptor, options: argparse.Namespace, span: tuple[int, int]) -> dict[str, NumpyClip | None]:
    """What is plugged in where; a clip described as a mask gets a matte."""
    given = {"Source": options.source, "Mask": options.mask, "CleanPlate": options.clean_plate}
    given |= dict(_pair(text, "--clip") for text in options.clip)
    clips: dict[str, NumpyClip | None] = {}
    for name, images in given.items():
        if images is None:
            continue
        if name not in descriptor.clips:
            raise UnknownName(f"the effect has no clip {name}; it has {', '.join(descriptor.clips)}")
        is_matte = name == "Mask" or bool(descriptor.clips[name].first("OfxImageClipPropIsMask"))
        clips[name] = (matte_clip if is_matte else picture_clip)(find_sequence(images), span=span)
    return clips


def _render_all(host: Host, effect: Effect, writer: Writer, frames: list[int], options: argparse.Namespace) -> int:
    def render(number: int) -> str:
        started = time.monotonic()
        rendered = effect.render(number, scale=(options.scale, options.scale))
        if rendered.pixels is None:
            return _failure(rendered, effect)
        path = writer.write(number, rendered.pixels, rendered.window)
        sys.stdout.write(f"frame {number}: {path} ({time.monotonic() - started:.1f} s)\n")
        return ""

    failures = 0
    with ThreadPoolExecutor(max(1, options.threads)) as pool:
        pending: dict[Future[str], int] = {pool.submit(render, number): number for number in frames}
        try:
            for future in as_completed(pending):
                failures += _report_failure(pending[future], future)
        except KeyboardInterrupt:
            effect.abort()
            pool.shutdown(cancel_futures=True)
            return _INTERRUPTED
    for note in host.notes:
        sys.stderr.write(f"note: {note}\n")
    if failures:
        sys.stderr.write(f"propainter-ofx: {failures} of {len(frames)} frames were not rendered\n")
    return _SOME_FAILED if failures else _DONE


def _failure(rendered: Rendered, effect: Effect) -> str:
    """Why there is no picture, in the plugin's own words where it has any."""
    if rendered.outcome == "blocked" and effect.persistent_message:
        return f"not asked for, because this host stops while a message stands: {effect.persistent_message.text}"
    words = "; ".join(message.text for message in rendered.messages)
    return f"{rendered.outcome} ({rendered.status.name}){': ' + words if words else ', without a word from the plugin'}"


def _report_failure(number: int, future: Future[str]) -> int:
    """1 when a frame failed, which is told to the shell."""
    try:
        failure = future.result()
    except HostError as error:
        failure = str(error)
    if failure:
        sys.stderr.write(f"frame {number}: {failure}\n")
    return int(bool(failure))


def _report_rules(host: Host) -> bool:
    for violation in host.violations:
        sys.stderr.write(f"rule broken: {violation}\n")
    return bool(host.violations)


def _pair(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise BadValue(f"{option} {text!r} is not NAME=VALUE")
    return name.strip(), value


def parse_frames(text: str) -> list[int]:
    """ "1-4,10,20-30x5" to [1, 2, 3, 4, 10, 20, 25, 30]; BadValue on anything else. Negative numbers are allowed."""
    frames: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(-?\d+)(?:-(-?\d+))?(?:x([1-9]\d*))?\s*", part)
        if not match:
            raise BadValue(f"--frames {text!r} is not understood at {part.strip()!r}; write 1-24, 1-24x2 or 3,7")
        first, last, step = match.groups()
        numbers = range(int(first), int(last or first) + 1, int(step or 1))
        if not numbers:
            raise BadValue(f"--frames {text!r} holds no frame in {part.strip()!r}; write the first frame first")
        frames += numbers
    return list(dict.fromkeys(frames))


if __name__ == "__main__":
    sys.exit(main())
