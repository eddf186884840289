"""The node's own hashes, encodings and parsers against Python's, and against bytes nobody honest would send."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
from pathlib import Path

import msgpack
import numpy as np
import pytest
import xxhash

from node_build import ROOT, build_node
from propainter_wire import messages as m
from propainter_wire.framing import Header, encode
from propainter_wire.shot import digest_of

KEY = b"k" * 32


def ask(build: Path, lines: list[str]) -> list[str]:
    done = subprocess.run([build / "codec"], input="\n".join(lines), capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def hexed(data: bytes) -> str:
    return data.hex() or "-"


def test_xxh3_agrees_with_the_reference_at_every_length_and_split(node_build: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, 5000, np.uint8).tobytes()
    lengths = [*range(260), *range(1000, 1100), *range(2040, 2060), 3071, 3072, 3073, 4999]
    splits = [(noise[: length % 40], noise[length % 40 : length]) for length in lengths]
    answers = ask(node_build, [f"xxh3 {hexed(prefix)} {hexed(body)}" for prefix, body in splits])
    assert answers == [xxhash.xxh3_128_hexdigest(prefix + body) for prefix, body in splits]


def test_the_digest_of_pixels_is_the_protocols(node_build: Path) -> None:
    pixels = (np.arange(16 * 16 * 4) % 256).astype(np.uint8).reshape(16, 16, 4)
    (answer,) = ask(node_build, [f"xxh3 {b'uint8 16x16x4'.hex()}0a {pixels.tobytes().hex()}"])
    assert answer == digest_of(pixels) == "61e7c5412568a11ded81e33253ca2f47"  # docs/wire.md, section 4


def test_sha256_and_hmac_agree_with_the_reference(node_build: Path) -> None:
    noise = np.random.default_rng(4).integers(0, 256, 300, np.uint8).tobytes()
    bodies = [noise[:length] for length in [*range(130), 255, 256, 257, 300]]
    assert ask(node_build, [f"sha256 {hexed(body)}" for body in bodies]) == [
        hashlib.sha256(body).hexdigest() for body in bodies
    ]
    keys = [noise[:length] for length in (1, 32, 63, 64, 65, 200)]
    assert ask(node_build, [f"hmac {hexed(key)} {hexed(body)}" for key in keys for body in bodies[::9]]) == [
        hmac.new(key, body, "sha256").hexdigest() for key in keys for body in bodies[::9]
    ]


VALUES = [
    {}, {"a": None}, {"a": [True, False]}, {"": ""}, {"n": {"m": {"o": []}}},
    {"numbers": [0, 1, 31, 32, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**62, -1, -32, -33, -128, -129,
                 -32768, -32769, -(2**31), -(2**31) - 1, -(2**62)]},
    {"reals": [0.0, -1.5, 1e300, 2.0**-1074]},
    {"text": ["", "a" * 31, "a" * 32, "a" * 255, "a" * 256, "a" * 65536, "Größe 画", "\0"]},
    {"lists": [[0] * 15, [0] * 16, [0] * 65536]},
    {f"key {index}": index for index in range(200)},
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_messages_survive_the_way_through_the_node(node_build: Path, value: object) -> None:
    packed = msgpack.packb(value)
    (answer,) = ask(node_build, [f"msgpack {packed.hex()}"])
    assert msgpack.unpackb(bytes.fromhex(answer)) == value


REFUSED = {
    "nothing": "",
    "bytes": "81a161c40100",
    "an extension": "81a161d40000",
    "a timestamp": "d6ff00000000",
    "the unused tag": "c1",
    "a number for a key": "8101c0",
    "the same key twice": "82a161c0a161c0",
    "something behind": "8000",
    "not enough": "82a161c0",
    "a list longer than the message": "ddffffffff",
    "a map longer than the message": "dfffffffff",
    "text longer than the message": "dbffffffff61",
    "infinity": "cb7ff0000000000000",
    "not a number": "cb7ff8000000000000",
    "a single infinity": "ca7f800000",
    "too large a number": "cfffffffffffffffff",
    "too deep": "91" * 40 + "c0",
    "half a letter": "a1c3",
    "an overlong letter": "a2c080",
    "a surrogate": "a3eda080",
    "beyond the last letter": "a4f4908080",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_protocol_does_not_allow_is_refused(node_build: Path, name: str) -> None:
    (answer,) = ask(node_build, [f"msgpack {REFUSED[name] or '-'}"])
    assert answer.startswith("error: ")


def honest_replies() -> list[str]:
    """One of every message a daemon sends, in the fuzzer's notation."""
    pixels = np.zeros((4, 5, 3), np.float32)
    place = m.Inline(0)
    job = "0123456789abcdef" * 2
    settings = m.ShotSettings()
    replies: list[m.Message] = [
        m.Welcome(session=job, protocol="1.0", server="fake", engine="classical", device="cpu", shm=True),
        m.ShotOpened(job, settings, "classical", (16, 12)),
        m.Need(plates=(1, 2, 3), mattes=(2,), cleans=(3,)),
        m.Stored(job),
        m.ReachIs(plates=((1, 5), (9, 12)), mattes=((1, 5),)),
        m.Accepted(job),
        m.Progress(job, "painting", 1, 2, 3.5),
        m.Result(job, 5, "normal", False, (0, 0, 5, 4), digest_of(pixels), m.Buffer("float32", (4, 5, 3), place)),
        m.Done(job, {"seconds": 1.5, "stages": {"flow": {"computed": 4, "reused": 5}}}),
        m.CacheIs(entries=(m.CacheEntry("flow", 3, 99),), freed_bytes=12),
        m.CacheStateIs(job, (m.StageRuns("flow", ((1, 4, "cached"), (5, 6, "missing"))),)),
        m.ShmGrant("ppb-" + job, 1 << 20),
        m.ErrorReply("frames_missing", "frames 3..4 are not here", True, job, {"plates": [[3, 4]]}),
    ]
    lines = []
    for reply in replies:
        buffers = (memoryview(pixels.tobytes()),) if isinstance(reply, m.Result) else ()
        header = Header.fresh(reply, session=job, seq=7)
        parts = encode(reply, header=header, key=KEY, parent=job, buffers=buffers)
        lines.append(",".join(bytes(part).hex() for part in parts))
    return lines


@pytest.mark.parametrize("part", range(4))
def test_a_reply_with_any_bit_changed_is_refused(node_build: Path, part: int) -> None:
    for line in honest_replies():
        parts = line.split(",")
        damaged = bytearray.fromhex(parts[part])
        damaged[len(damaged) // 2] ^= 1
        changed = ",".join([*parts[:part], damaged.hex(), *parts[part + 1 :]])
        good, bad = ask(node_build, [f"reply {KEY.hex()} {line}", f"reply {KEY.hex()} {changed}"])
        assert not good.startswith("error: ")
        assert bad == "error: the reply's signature is wrong"


def test_unsigned_messages_are_dropped_but_for_the_error_that_hints(node_build: Path) -> None:
    unsigned = [",".join(["", *line.split(",")[1:]]) for line in honest_replies()]
    answers = ask(node_build, [f"reply {KEY.hex()} {line}" for line in unsigned])
    assert set(answers) == {"error: the reply is not signed", "unsigned error"}
    assert answers[-1] == "unsigned error"


def test_too_few_and_too_many_parts_are_refused(node_build: Path) -> None:
    parts = honest_replies()[0].split(",")
    lines = [",".join(parts[:count]) for count in (1, 3)] + [",".join([*parts, *["00"] * 17])]
    assert all(
        answer.startswith("error") for answer in ask(node_build, [f"reply {KEY.hex()} {line}" for line in lines])
    )


def fuzz(build: Path, iterations: int, seed: int) -> tuple[int, int]:
    environment = {**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1"}
    command = [str(build / "fuzz_replies"), str(iterations), str(seed)]
    honest = "\n".join(honest_replies()) + "\n"
    done = subprocess.run(command, input=honest, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-4000:]
    accepted, refused = (int(word) for word in done.stdout.replace(",", "").split() if word.isdigit())
    return accepted, refused


def test_ten_thousand_damaged_replies_end_in_a_value_or_a_refusal(node_build: Path) -> None:
    accepted, refused = fuzz(node_build, 10_000, 1)
    assert accepted + refused == 10_000
    assert accepted > 500  # else the signature is all that was tested
    assert refused > 3_000


@pytest.mark.slow
def test_a_million_damaged_replies_disturb_no_sanitizer() -> None:
    build = build_node(ROOT / "build" / "ofx-sanitized", "-DSANITIZE=ON")
    accepted, refused = fuzz(build, 1_000_000, 2)
    assert accepted + refused == 1_000_000
