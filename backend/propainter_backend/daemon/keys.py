"""CURVE keys in a folder: what lets a daemon and its clients on other machines know each other.

    DIR/public.key          this side's public key; the other side gets a copy
    DIR/secret.key          this side's secret; leaves the machine never
    DIR/clients/NAME.key    on the daemon's side: public keys of those who may connect
    DIR/server.key          on the client's side: the daemon's public key

Here: making and reading them. Not here: the encryption (libzmq), who is let in (``propainter_wire/router.py``).
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

import zmq

from propainter_backend.errors import BadInput
from propainter_os import files, users
from propainter_wire.connection import check_private_directory, make_private_directory
from propainter_wire.link import ClientKeys
from propainter_wire.router import CurveKeys

_Z85 = re.compile(rb"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}\Z")
_SIGNING = b"propainter wire key "


@dataclass(frozen=True)
class RemoteBackend:
    """A daemon on another machine, and who we are to it."""

    endpoint: str
    server_key: str
    keys: ClientKeys


def make_keys(folder: Path) -> bytes:
    """Make a pair of keys; returns the public one. Raises BadInput where there are some, or nobody may be alone."""
    if not zmq.has("curve"):
        raise BadInput(
            "this libzmq has no CURVE; install pyzmq from its own wheels: pip install --force-reinstall pyzmq"
        )
    make_private_directory(folder)
    make_private_directory(folder / "clients")
    public, secret = zmq.curve_keypair()
    for name, content in (("secret.key", secret), ("public.key", public)):
        _write_new(folder / name, content)
    return public


def daemon_keys(folder: Path) -> CurveKeys:
    """A daemon's keys and whom it knows, itself among them (for ``status`` and ``stop`` on its own machine)."""
    check_private_directory(folder)
    own = client_keys(folder)
    clients = frozenset(_read(path) for path in sorted((folder / "clients").glob("*.key")))
    if not clients:
        raise BadInput(
            f"nobody could connect: {folder / 'clients'} holds no public key; copy each client's public.key there, "
            "as NAME.key"
        )
    return CurveKeys(own.public, own.secret, clients | {own.public})


def client_keys(folder: Path) -> ClientKeys:
    """This side's own pair. Raises BadInput, UnsafeConnection."""
    check_private_directory(folder)
    secret = folder / "secret.key"
    if secret.exists() and users.open_to_others(secret.stat()):
        raise BadInput(f"{secret} is open to others; check who did that, then: chmod 600 '{secret}'")
    return ClientKeys(_read(folder / "public.key"), _read(secret))


def remote_backend(endpoint: str, folder: Path) -> RemoteBackend:
    """The daemon a client's folder is for. Raises BadInput, UnsafeConnection."""
    return RemoteBackend(endpoint, _read(folder / "server.key").decode(), client_keys(folder))


def signing_key(server_public: bytes) -> bytes:
    """The signing key of a daemon with CURVE (docs/wire.md, section 10). No secret: who may connect at all is what keeps
    strangers out there, and every byte is authenticated below."""
    return hashlib.sha256(_SIGNING + server_public).digest()


def _write_new(path: Path, content: bytes) -> None:
    try:
        descriptor = files.open_new(path)
    except FileExistsError as error:
        raise BadInput(f"{path} exists; keys are not overwritten: choose another folder, or remove it") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content + b"\n")


def _read(path: Path) -> bytes:
    try:
        content = path.read_bytes().strip()
    except OSError as error:
        how = (
            "make it with: propainter-backend keys new"
            if path.stem != "server"
            else "copy the backend's public.key to it"
        )
        raise BadInput(f"{path} cannot be read ({error.strerror}); {how}") from error
    if not _Z85.match(content):
        raise BadInput(f"{path} is not a CURVE key (40 characters of Z85); copy it again")
    return content
