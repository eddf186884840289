#!/bin/sh
# Installs ProPainter Remove from the release folder this file lies in. Needs Python 3.10 or newer, nothing else.
#
#     ./install.sh                  installs, or brings an earlier installation up to date; asks before it downloads
#     ./install.sh --pin HEX        the same, if SHA256SUMS has this SHA-256: take it from where the release was announced
#     ./install.sh --dry-run        says what would be done
#     ./install.sh --uninstall      takes everything away again
#     ./install.sh --help           all options (propainter-install has the same)
#
# PYTHON=/path/to/python3.11 ./install.sh chooses the Python.
set -eu

fail() {
    echo "install.sh: $1" >&2
    exit 2
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

meant= # the packages of an archive that downloads nothing are for one version
[ ! -f "$here/wheels/for-python.txt" ] || read -r meant <"$here/wheels/for-python.txt" || true

python=
for candidate in "${PYTHON:-}" ${meant:+"python$meant"} python3.11 python3.12 python3.13 python3.10 python3 python; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1; then
        python=$candidate
        break
    fi
    [ "$candidate" != "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is no Python 3.10 or newer"
done
how="Debian, Ubuntu: apt install python3; Rocky, Alma: dnf install python3.11; macOS: python.org"
[ -n "$python" ] || fail "no Python 3.10 or newer was found; install one ($how), or name it: PYTHON=/path/to/python3 '$0'"

set -- --release "$here" "$@"
wheel=
for found in "$here"/propainter_remove-*.whl; do
    [ -f "$found" ] || fail "$here holds no propainter_remove wheel; unpack the whole release into one folder"
    [ -z "$wheel" ] || fail "$here holds more than one wheel; unpack the release into a folder of its own"
    wheel=$found
done

# -I: neither this folder nor variables lead Python astray. The wheel is checked before anything of it is run.
exec "$python" -I -c '
import hashlib, pathlib, sys
wheel = pathlib.Path(sys.argv.pop(1))
sums = wheel.with_name("SHA256SUMS")
given = [each.partition("=")[2] for each in sys.argv if each.startswith("--pin=")]
given += [pin for option, pin in zip(sys.argv, sys.argv[1:]) if option == "--pin"]
if any(not sums.is_file() or hashlib.sha256(sums.read_bytes()).hexdigest() != pin.lower() for pin in given):
    sys.stderr.write(f"install.sh: {sums} is not the one that was pinned; nothing of this release was used\n")
    sys.exit(2)
wanted = f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel.name}"
if not sums.is_file() or wanted not in sums.read_text().splitlines():
    sys.exit(f"install.sh: {wheel.name} is not what SHA256SUMS says; download the release again")
sys.path.insert(0, str(wheel))
from propainter_install.__main__ import main
sys.exit(main())
' "$wheel" "$@"
