"""Who may capture here, and what to say where nobody may: capabilities(7) of this process and of a program.

Only the capturing program needs rights.  The analysis never does, and is never
asked to be run as root.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
from pathlib import Path

CAP_NET_RAW = 13
_EFFECTIVE, _NO_NEW = "CapEff:", "NoNewPrivs:"


def program(name: str) -> str | None:
    """Where a program is, by absolute path; the places of system tools are searched even where PATH leaves them out."""
    places = [place for place in os.get_exec_path() if Path(place).is_absolute()]
    found = shutil.which(name, path=os.pathsep.join([*places, "/usr/sbin", "/sbin", "/usr/bin"]))
    if found:
        return found
    for place in ("/usr/bin", "/usr/sbin", "/sbin"):   # there, but not for this user: Debian's dumpcap is group-only
        if Path(place, name).is_file():
            return str(Path(place, name))
    return None


def process_may() -> bool:
    """Whether this process itself holds CAP_NET_RAW (root in a container often does not)."""
    said = _status(_EFFECTIVE)
    return bool(int(said, 16) >> CAP_NET_RAW & 1) if said else os.geteuid() == 0


def file_grants(path: str) -> bool:
    """Whether the file gives CAP_NET_RAW to who runs it, as a file capability or by set-user-ID root."""
    if _status(_NO_NEW) == "1":
        return False
    try:
        mode = Path(path).stat()
        if mode.st_mode & stat.S_ISUID and mode.st_uid == 0:
            return True
        # struct vfs_cap_data (linux/capability.h): magic, then permitted and inheritable, 32 bits each
        permitted = struct.unpack_from("<I", os.getxattr(path, "security.capability"), 4)[0]
    except (OSError, AttributeError, struct.error):
        return False
    return bool(permitted >> CAP_NET_RAW & 1)


def why_not(name: str) -> str:
    """Why a capturing program cannot serve here, with the cure, in one sentence; empty where it can."""
    path = program(name)
    if path is None:
        return f"{name} is not installed"
    if not os.access(path, os.X_OK):
        group = _group(path)
        return f"{path} may only be run by group {group}: sudo usermod -aG {group} $USER, then log in again"
    if process_may() or file_grants(path):
        return ""
    return f"{path} lacks the capability CAP_NET_RAW: {cure(path)}"


def cure(path: str) -> str:
    """The commands that let a program capture for an ordinary user."""
    grant = f"sudo setcap cap_net_raw,cap_net_admin+eip {path}"
    if Path("/etc/debian_version").exists() and Path(path).name == "dumpcap":
        return f"{grant} (on Debian better: sudo dpkg-reconfigure wireshark-common; sudo usermod -aG wireshark $USER)"
    return grant


def _group(path: str) -> str:
    try:
        return Path(path).group()
    except (KeyError, OSError):
        return "wireshark"


def _status(field: str) -> str:
    """One field of what the kernel says about this process; empty elsewhere than on Linux."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return ""
    return next((line.split()[1] for line in lines if line.startswith(field)), "")
