"""pcapng out: a section, its interfaces with nanosecond clocks, and packets with comments.

    write_pcapng("evidence.pcapng", [Interface(1, name="client")], [Frame(octets, time_ns, comment="RP101: ...")])

A file appears whole or not at all: it is written beside its target under a name
that nobody can guess, readable by its owner only, and then renamed.
"""

from __future__ import annotations

import os
import secrets
import struct
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from analyzer.capture import records as r
from analyzer.capture.interface import Interface
from analyzer.errors import OutputError

NANOSECONDS = 9
END_OF_OPTIONS = bytes(4)
OPTION_LIMIT = 0xFFFF
GATHER = 1 << 20
"""Octets that are handed to the operating system at once."""


class Frame(NamedTuple):
    """A packet to be written.  A time before 1970 becomes 1970: pcapng counts up from there."""

    octets: bytes
    time_ns: int
    interface: int = 0
    """Index of the interfaces that are written."""
    comment: str = ""
    wire_bytes: int | None = None
    """Length on the wire, where more than was captured."""


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _text(code: int, text: str) -> bytes:
    """A text option, or nothing; cut between characters where it is too long."""
    octets = text.encode("utf-8", "replace")[:OPTION_LIMIT].decode("utf-8", "ignore").encode()
    return _option(code, octets) if octets else b""


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + length + body + length


def section_block(comment: str = "") -> bytes:
    """The beginning of a capture."""
    head = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    return _block(r.SECTION, head + _text(1, comment) + _text(4, "replypath") + END_OF_OPTIONS)


def interface_block(interface: Interface) -> bytes:
    """The description of an interface, whose times are nanoseconds whatever they were."""
    options = _text(2, interface.name) + _text(3, interface.description) + _option(9, bytes([NANOSECONDS]))
    head = struct.pack("<HHI", interface.link_type, 0, interface.snap_length)
    return _block(r.DESCRIPTION, head + options + _text(12, interface.system) + END_OF_OPTIONS)


def packet_block(frame: Frame) -> bytes:
    """A packet."""
    captured, ticks = len(frame.octets), max(0, frame.time_ns)
    wire = captured if frame.wire_bytes is None else frame.wire_bytes
    head = struct.pack("<IIIII", frame.interface, ticks >> 32, ticks & 0xFFFFFFFF, captured, wire)
    comment = _text(1, frame.comment)
    return _block(
        r.PACKET, head + frame.octets + bytes(-captured % 4) + (comment + END_OF_OPTIONS if comment else b"")
    )


def encoded(interfaces: Sequence[Interface], frames: Iterable[Frame], *, comment: str = "") -> Iterator[bytes]:
    """The blocks of a capture, one at a time; ``comment`` is the section's.

    ``ValueError`` where a frame names an interface that is not there.
    """
    yield section_block(comment)
    yield from map(interface_block, interfaces)
    for frame in frames:
        if not 0 <= frame.interface < len(interfaces):
            raise ValueError(f"a frame of interface {frame.interface}, of {len(interfaces)}")
        yield packet_block(frame)


def write_pcapng(
    path: str | Path, interfaces: Sequence[Interface], frames: Iterable[Frame], *,
    comment: str = "", force: bool = False,
) -> int:
    """Write a capture; how many octets it has.

    ``OutputError`` where ``path`` is there already (unless ``force``), is a
    symbolic link or no file, or where the system refuses; what was there before
    is then untouched.
    """
    target = Path(path)
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise OutputError(f"{target}: is a symbolic link or no file, and is not written through; name another file")
    if target.exists() and not force:
        raise OutputError(f"{target}: is there already; name another file, or force it")
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}.part")
    try:
        return _write(temporary, target, encoded(interfaces, frames, comment=comment), force=force)
    except OSError as error:
        raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _write(temporary: Path, target: Path, blocks: Iterable[bytes], *, force: bool) -> int:
    """Fill the temporary file and give it its name."""
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "wb", buffering=GATHER) as out:
        octets = sum(out.write(block) for block in blocks)
        out.flush()
        os.fsync(out.fileno())
    if not force:
        try:
            target.hardlink_to(temporary)   # in one step, and refused where somebody was faster
        except FileExistsError:
            raise
        except OSError:
            if target.exists():   # a file system without links: a moment stays in which somebody could be faster
                raise
        else:
            return octets
    temporary.replace(target)
    return octets
