"""Landlock: a process gives up the right to open files, for good and for all its children (landlock(7)).

The kernel's interface is three system calls without a wrapper in the C library:

    444 landlock_create_ruleset(attributes, size, flags)   -> a descriptor, or the version
    445 landlock_add_rule(ruleset, type, attributes, flags)
    446 landlock_restrict_self(ruleset, flags)

Their numbers are the same on every architecture but Alpha.  What a version does
not know must not be asked of it, so rights are masked by the version.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from functools import cache

from analyzer.errors import ToolError

CREATE, ADD, RESTRICT = 444, 445, 446
VERSION_FLAG = 1
PATH_BENEATH, NET_PORT = 1, 2
NO_NEW_PRIVS = 38          # prctl(2)

(EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO,
 MAKE_BLOCK, MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV) = (1 << bit for bit in range(16))
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""What can be granted on a file; the rest makes sense on a folder only."""
KNOWN = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many of the rights, counted from the lowest bit, a version knows; later ones know as many as version 5."""
NET, NET_VERSION = 0b11, 4        # bind and connect of TCP, and from which version on
BIND = 0b01
SCOPES, SCOPES_VERSION = 0b11, 6  # abstract sockets, and signals to processes outside

READ = READ_FILE | READ_DIR
RUN = READ | EXECUTE
WRITE = READ | WRITE_FILE | TRUNCATE | MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR | REFER
"""Create, write, rename and remove files and folders; no devices, no links, no programs."""

Grant = tuple[str, int]
"""A path, and the rights on it and on all beneath it."""


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *arguments: object) -> int:
    """A system call; ``OSError`` where it fails."""
    result = int(_libc().syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def version() -> int:
    """The kernel's Landlock version; 0 where it has none or has it switched off."""
    try:
        return _call(CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION_FLAG))
    except (OSError, AttributeError):   # ENOSYS, EOPNOTSUPP; no libc with syscall(2)
        return 0


def no_new_privileges() -> None:
    """No program that is started from here on gains rights (prctl(2), PR_SET_NO_NEW_PRIVS)."""
    if _libc().prctl(NO_NEW_PRIVS, 1, 0, 0, 0):
        raise ToolError(f"the kernel refuses no-new-privileges: {os.strerror(ctypes.get_errno())}")


def restrict(grants: Iterable[Grant], listens: Iterable[int] = ()) -> int:
    """Give up everything but ``grants``; the version that keeps it, 0 where the kernel has no Landlock.

    A path that does not exist is passed over: it can be neither read nor made.
    ``listens`` are TCP ports that may be listened on (0: one that the kernel
    picks).  It holds for the calling thread and for whatever that one starts.
    """
    abi = version()
    if not abi:
        return 0
    rights = (1 << KNOWN.get(abi, KNOWN[5])) - 1
    attributes = struct.pack("=Q", rights)
    if abi >= NET_VERSION:
        attributes += struct.pack("=Q", NET)
    if abi >= SCOPES_VERSION:
        attributes += struct.pack("=Q", SCOPES)
    ruleset = _call(CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path, granted in grants:
            _grant(ruleset, path, granted & rights)
        for port in listens if abi >= NET_VERSION else ():
            _call(ADD, ctypes.c_int(ruleset), ctypes.c_int(NET_PORT), struct.pack("=QQ", BIND, port),
                  ctypes.c_uint32(0))
        _call(RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)
    return abi


def _grant(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (OSError, ValueError):
        return
    try:
        if not os.path.isdir(f"/proc/self/fd/{place}"):   # noqa: PTH112 - a look through the descriptor, not at the name
            rights &= FILE_RIGHTS
        _call(ADD, ctypes.c_int(ruleset), ctypes.c_int(PATH_BENEATH), struct.pack("=Qi", rights, place),
              ctypes.c_uint32(0))
    except OSError:
        return   # a pipe or socket: it lies in no folder, and Landlock does not stand in its way
    finally:
        os.close(place)
