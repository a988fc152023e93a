"""Which places a confined child may read and write: the system's, the inputs, the outputs' folders, one scratch folder.

Folders of the file system hold for everything beneath them: an output is
created beside its final name, so its folder is granted as a whole.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from contextlib import suppress

from analyzer.confine.landlock import READ, REMOVE_DIR, RUN, WRITE, Grant

PROGRAMS = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/nix/store", "/gnu/store")
"""Programs and libraries: the interpreter's, and tshark's."""
SYSTEM = (
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd",
    "/etc/group", "/etc/hosts", "/etc/wireshark", "/proc", "/sys/devices/system", "/sys/fs/cgroup", "/dev/urandom",
    "/dev/random", "/dev/zero",
)
"""What programs look at when they start."""
SHARED = ("/dev/null", "/dev/shm")   # noqa: S108 - semaphores of worker processes have their names there
RETRIES = 8


def system() -> list[Grant]:
    """What every run needs: programs, libraries, this package."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, *filter(os.path.isdir, sys.path)}
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))   # noqa: PTH100, PTH120 - start-up
    return [
        *((path, RUN) for path in (*PROGRAMS, *sorted(prefixes), here)),
        *((path, READ) for path in SYSTEM),
        *((path, WRITE) for path in SHARED),
    ]


def inputs(arguments: Iterable[str]) -> list[Grant]:
    """Files and folders that arguments name, each a path or ``NAME=PATH``."""
    found: list[Grant] = []
    for argument in arguments:
        found.append((argument, READ))
        if "=" in argument:
            found.append((argument.partition("=")[2], READ))
    return found


def octets(grants: Iterable[Grant]) -> int:
    """The sizes of the files among them."""
    total = 0
    for path, _ in grants:
        with suppress(OSError):
            total += os.stat(path).st_size   # noqa: PTH116 - start-up
    return total


def outputs(arguments: Iterable[str]) -> list[Grant]:
    """The folders in which files and folders that arguments name come to lie; a folder that is there, itself."""
    return [(_standing(argument), WRITE) for argument in arguments]


def _standing(path: str) -> str:
    """The folder that ``path`` is, or the nearest above it that exists."""
    path = os.path.abspath(path)   # noqa: PTH100 - pathlib costs a tenth of the start-up
    while not os.path.isdir(path):   # noqa: PTH112
        path = os.path.dirname(path)   # noqa: PTH120
    return path


def temporary() -> str:
    """Where temporary files lie."""
    return os.environ.get("TMPDIR") or "/tmp"   # noqa: S108 - what is made there has a name that nobody can guess


def own(folder: str) -> list[Grant]:
    """A scratch folder, for whoever has to remove it himself; nothing where there is none."""
    return [(folder, WRITE), (os.path.dirname(folder), REMOVE_DIR)] if folder else []   # noqa: PTH120 - start-up


def scratch() -> str:
    """A folder of the run's own for temporary files, or nothing where none can be made; of mode 0700."""
    base = temporary()
    for _ in range(RETRIES):
        path = f"{base}/replypath-{os.urandom(8).hex()}"
        try:
            os.mkdir(path, 0o700)   # noqa: PTH102
        except FileExistsError:
            continue
        except OSError:
            break
        return path
    return ""


def swept(path: str) -> None:
    """Remove the scratch folder with whatever a child left in it."""
    if not path:
        return
    for folder, folders, files in os.walk(path, topdown=False):
        for name in files:
            with suppress(OSError):
                os.unlink(os.path.join(folder, name))   # noqa: PTH108, PTH118
        for name in folders:
            with suppress(OSError):
                os.rmdir(os.path.join(folder, name))   # noqa: PTH106, PTH118
    with suppress(OSError):
        os.rmdir(path)   # noqa: PTH106
