"""Where the daemon is found: runtime directory, connection file, addresses, and the lock that makes a daemon the
only one.

Here: docs/wire.md, section 1. Not here: sockets (``router.py``, ``client.py``). Everything is checked before use and
refused rather than repaired: a directory somebody else could write to is a directory somebody else's daemon may sit in.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import re
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from propainter_os import files, locks, sockets, systems, users
from propainter_wire.errors import AlreadyRunning, BackendUnreachable, ProtocolMismatch, UnsafeConnection
from propainter_wire.framing import KEY_BYTES
from propainter_wire.messages import PROTOCOL_VERSION

MAX_IPC_PATH_BYTES = 103
"""macOS's limit, the smallest of the systems we run on."""
MAX_FILE_BYTES = 4096
CONNECTION_NAME = "daemon.json"
SOCKET_NAME = "daemon.sock"
LOCK_NAME = "daemon.lock"
LOG_NAME = "daemon.log"
_ON_LOOPBACK = "tcp://127.0.0.1:*"


@dataclass(frozen=True)
class Connection:
    """Everything a client must know to talk to one daemon."""

    endpoint: str
    key: bytes
    """Secret; signs every message. Never logged: it is left out of ``repr``."""
    pid: int
    version: str = PROTOCOL_VERSION
    server_key: str = ""
    """CURVE public key, Z85; empty: no CURVE."""

    def __repr__(self) -> str:
        return f"Connection(endpoint={self.endpoint!r}, pid={self.pid}, version={self.version!r})"


def runtime_directory(environ: Mapping[str, str] | None = None) -> Path:
    """Where this user's daemon keeps its socket and connection file. Not created here, not checked here."""
    environ = os.environ if environ is None else environ
    named = environ.get("PROPAINTER_RUNTIME_DIR", "")
    if named and Path(named).is_absolute():
        return Path(named)
    session = environ.get("XDG_RUNTIME_DIR", "")
    if session and Path(session).is_absolute() and _is_of_this_user(Path(session)):
        return Path(session) / "propainter"
    return users.private_temporary() or Path(environ.get("LOCALAPPDATA", str(Path.home()))) / "propainter"


def _is_of_this_user(session: Path) -> bool:
    """Whether a session's folder is there, this user's, and short enough for a socket: su and containers leave others'."""
    if systems.is_windows():
        return True
    try:
        found = session.stat()
    except OSError:
        return False
    longest = os.fsencode(session / "propainter" / SOCKET_NAME)
    return stat.S_ISDIR(found.st_mode) and users.is_mine(found) and len(longest) <= MAX_IPC_PATH_BYTES


def connection_path(environ: Mapping[str, str] | None = None) -> Path:
    """The connection file a client reads when none is named."""
    environ = os.environ if environ is None else environ
    named = environ.get("PROPAINTER_CONNECTION", "")
    return Path(named) if named and Path(named).is_absolute() else runtime_directory(environ) / CONNECTION_NAME


def make_private_directory(path: Path) -> None:
    """Create a directory only this user can look into, or check that it is one. Raises UnsafeConnection."""
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        pass
    except OSError as error:
        raise UnsafeConnection(
            f"the folder {path} cannot be made ({error.strerror}); name another in PROPAINTER_RUNTIME_DIR"
        ) from error
    check_private_directory(path)


def check_private_directory(path: Path) -> None:
    """Raise UnsafeConnection unless the path is a directory of this user's that nobody else may enter."""
    try:
        found = path.lstat()
    except OSError as error:
        raise BackendUnreachable(f"no backend is running: {path} cannot be looked at ({error.strerror})") from error
    if not stat.S_ISDIR(found.st_mode):
        raise UnsafeConnection(f"{path} is not a directory (a link is none, either); remove it")
    _check_private(path, found)


def read_connection(path: Path | None = None) -> Connection:
    """Read a connection file that only this user can have written.

    Raises BackendUnreachable if there is none, UnsafeConnection if it or its directory could be somebody else's or
    it makes no sense, ProtocolMismatch if its daemon speaks another major version.
    """
    path = connection_path() if path is None else path
    check_private_directory(path.parent)
    return _parse(path, _read_private(path))


def write_connection(path: Path, connection: Connection) -> None:
    """Write a connection file with mode 0600, beside its place and then into it, so that no reader sees half of one."""
    fields = {
        "protocol": "propainter",
        "version": connection.version,
        "endpoint": connection.endpoint,
        "key": connection.key.hex(),
        "pid": connection.pid,
        "server_key": connection.server_key,
    }
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = files.open_new(temporary)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            json.dump(fields, file)
        files.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def check_endpoint(endpoint: str) -> None:
    """Raise UnsafeConnection unless the address is an absolute, short enough ipc path or a numeric tcp address."""
    if endpoint.startswith("ipc://"):
        path = endpoint.removeprefix("ipc://")
        if not Path(path).is_absolute():
            raise UnsafeConnection(
                f"{endpoint} is not an absolute path; an abstract socket can be reached by every user"
            )
        if len(os.fsencode(path)) > MAX_IPC_PATH_BYTES:
            raise UnsafeConnection(
                f"{path} is longer than the {MAX_IPC_PATH_BYTES} bytes a socket's path may have; "
                "set PROPAINTER_RUNTIME_DIR to a shorter one"
            )
        return
    _tcp_address(endpoint)


def is_loopback(endpoint: str) -> bool:
    """Whether only this machine can reach the address. Raises UnsafeConnection for what ``check_endpoint`` refuses."""
    check_endpoint(endpoint)
    return endpoint.startswith("ipc://") or _tcp_address(endpoint).is_loopback


class DaemonPlace:
    """Being the one daemon of a runtime directory, as a context manager.

    Entering takes the lock (AlreadyRunning if another living daemon has it) and clears away what a dead one left.
    Leaving removes connection file and socket, then lets go of the lock. A second bind on a live ipc path would
    steal it silently; the lock is what prevents that.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = runtime_directory() if directory is None else directory
        self._lock: int | None = None

    @property
    def endpoint(self) -> str:
        """The address to bind: ipc, or a free port of loopback where the system has no local sockets."""
        return f"ipc://{self.directory / SOCKET_NAME}" if sockets.has_local() else _ON_LOOPBACK

    @property
    def connection_file(self) -> Path:
        return self.directory / CONNECTION_NAME

    def __enter__(self) -> DaemonPlace:
        make_private_directory(self.directory)
        self._lock = _take_lock(self.directory / LOCK_NAME)
        self._clear()
        self._sweep()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._lock is not None
        self._clear()
        os.close(self._lock)
        self._lock = None

    def publish(self, endpoint: str, key: bytes, *, server_key: str = "") -> Connection:
        """Tell clients where the daemon is; call it once the socket is bound."""
        connection = Connection(endpoint, key, os.getpid(), server_key=server_key)
        write_connection(self.connection_file, connection)
        return connection

    def _clear(self) -> None:
        for name in (CONNECTION_NAME, SOCKET_NAME):
            files.remove(self.directory / name)

    def _sweep(self) -> None:
        """Remove what a killed daemon was about to put in its place. Its lock is ours; of others, a socket answers."""
        with contextlib.suppress(OSError):
            for path in self.directory.glob(".*"):
                if path.name.startswith(f".{CONNECTION_NAME}.") or (path.is_socket() and not sockets.answers(path)):
                    path.unlink(missing_ok=True)


def new_key() -> bytes:
    """A new signing key."""
    return secrets.token_bytes(KEY_BYTES)


def _check_private(path: Path, found: os.stat_result) -> None:
    profile = users.profile_around(path)
    if profile is not None:
        raise UnsafeConnection(
            f"{path} lies outside your profile, so others may look into it; name a folder below {profile} in "
            "PROPAINTER_RUNTIME_DIR"
        )
    if not users.is_mine(found):
        raise UnsafeConnection(
            f"{path} belongs to user {found.st_uid}, not to you ({users.number()}); nothing was sent; name another folder "
            "in PROPAINTER_RUNTIME_DIR"
        )
    mode = users.open_to_others(found)
    if mode:
        raise UnsafeConnection(
            f"{path} is open to others (mode {mode:04o}); check who did that, then: chmod go-rwx '{path}'"
        )


def _read_private(path: Path) -> bytes:
    try:
        descriptor = files.open_to_read(path)
    except FileNotFoundError as error:
        raise BackendUnreachable(f"no backend is running: there is no {path}") from error
    except OSError as error:
        raise UnsafeConnection(f"{path} cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UnsafeConnection(f"{path} is not a regular file")
        _check_private(path, found)
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise UnsafeConnection(f"{path} is larger than a connection file may be ({MAX_FILE_BYTES} bytes)")
    return content


def _parse(path: Path, content: bytes) -> Connection:
    try:
        fields = json.loads(content.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise UnsafeConnection(f"{path} is not a connection file: {error}") from error
    if not isinstance(fields, dict) or fields.get("protocol") != "propainter":
        raise UnsafeConnection(f"{path} is not a connection file of this protocol")
    texts = [fields.get(name) for name in ("version", "endpoint", "key", "server_key")]
    pid = fields.get("pid")
    if not all(isinstance(text, str) for text in texts) or type(pid) is not int:
        raise UnsafeConnection(f"{path} lacks a field, or one is of the wrong type; restart the backend")
    version, endpoint, key, server_key = (str(text) for text in texts)
    if version.split(".")[0] != PROTOCOL_VERSION.split(".")[0]:
        raise ProtocolMismatch(
            f"the backend speaks protocol {version}, this client {PROTOCOL_VERSION}; update the older of the two"
        )
    if not re.fullmatch(rf"[0-9a-f]{{{2 * KEY_BYTES}}}", key) or len(server_key) not in (0, 40):
        raise UnsafeConnection(f"{path} holds a key of the wrong form; restart the backend")
    check_endpoint(endpoint)
    return Connection(endpoint, bytes.fromhex(key), pid, version, server_key)


def _tcp_address(endpoint: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    match = re.fullmatch(r"tcp://(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5}|\*)", endpoint)
    if match is None:
        raise UnsafeConnection(f"{endpoint} is neither ipc:///path nor tcp://<numeric address>:<port>")
    if match[3] != "*" and int(match[3]) > 65535:
        raise UnsafeConnection(f"{endpoint} has port {match[3]}; the highest there is is 65535")
    try:
        return ipaddress.ip_address(match[1] or match[2])
    except ValueError as error:
        raise UnsafeConnection(f"{endpoint} has no valid numeric address") from error


def _take_lock(path: Path) -> int:
    """Open and lock; the lock lasts as long as the descriptor, however the process ends."""
    descriptor = files.open_or_make(path)
    try:
        is_ours = locks.try_lock(descriptor)
    except OSError as error:
        os.close(descriptor)
        raise UnsafeConnection(
            f"{path} cannot be locked ({error.strerror}), so nobody can tell whether a backend is running there; name a "
            "folder on a local disk in PROPAINTER_RUNTIME_DIR"
        ) from error
    if not is_ours:
        os.close(descriptor)
        raise AlreadyRunning(f"a backend is running already (process {locks.read_owner(path)}, {path.parent})")
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
    return descriptor
