"""The evidence as a capture: the frames that findings cite, each with a comment that says what it shows.

pcapng (draft-ietf-opsawg-pcapng): one section, one interface block per capture
point that is cited, one enhanced packet block per frame.

    SHB  IDB(client.pcap)  IDB(server.pcap)  EPB(comment: "RP101: ...")  EPB ...

A diagnosis has no octets: they come from a ``FrameReader`` that is passed in.
Frames are written whole, payload and all, as they were captured; under pseudonyms
only their headers, rewritten (``rewrite``), with the length that they had.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol

from analyzer.clean import clean
from analyzer.diagnose.finding import Capture, Diagnosis
from analyzer.report.clean import cleaned
from analyzer.report.rewrite import rewritten, understood
from analyzer.report.sentences import capture_name, verdict_sentence
from analyzer.report.texts import say
from analyzer.units import FrameNo, UnixNs

if TYPE_CHECKING:
    from analyzer.report.anonymize import Pseudonyms

SUFFIX = ".pcapng"

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
_BYTE_ORDER = 0x1A2B3C4D
_COMMENT, _NAME, _DESCRIPTION, _RESOLUTION, _APPLICATION = 1, 2, 3, 9, 4
_NANOSECONDS = b"\x09"


@dataclass(frozen=True, slots=True)
class RawFrame:
    """A frame as it was captured: octets, link type (LINKTYPE_), when, and how long it was on the wire."""

    octets: bytes
    link_type: int
    time_ns: UnixNs
    wire_bytes: int


class FrameReader(Protocol):
    """Reads frames back from a capture that was diagnosed."""

    def __call__(self, capture: Capture, frames: Sequence[FrameNo]) -> Mapping[FrameNo, RawFrame]:
        """The asked frames of ``capture``, by number; a frame that is not there any more is left out."""


@dataclass(frozen=True, slots=True)
class _Cited:
    """A frame and every sentence that cites it."""

    interface: int
    frame: RawFrame
    comments: tuple[str, ...]


class Hidden(NamedTuple):
    """What is written in place of a diagnosis and its frames: the same under pseudonyms."""

    diagnosis: Diagnosis
    pseudonyms: Pseudonyms


def write_annotated(
    diagnosis: Diagnosis, read: FrameReader, out: IO[bytes],
    hidden: Hidden | None = None, said: list[str] | None = None,
) -> int:
    """Write the cited frames in time order with their comments; returns how many there are.

    The file's own comment is the verdict, and how many frames ``hidden`` left
    out: those with headers that are not understood.  The latter goes to ``said``
    as well.
    """
    shown = cleaned(hidden.diagnosis if hidden else diagnosis)
    told = comments(shown)
    left_out = 0
    interfaces: list[tuple[Capture, int]] = []
    cited: list[_Cited] = []
    for index, capture in enumerate(diagnosis.captures):
        wanted = sorted(frame for place, frame in told if place == index)
        for number, captured in sorted(read(capture, wanted).items() if wanted else ()):
            frame = _hidden(captured, hidden.pseudonyms) if hidden else captured
            if frame is None:
                left_out += 1
                continue
            interface = (shown.captures[index], frame.link_type)
            if interface not in interfaces:
                interfaces.append(interface)
            cited.append(_Cited(interfaces.index(interface), frame, tuple(told[index, number])))
    remarks = [say("evidence.left-out", count=left_out)] if left_out else []
    if said is not None:
        said += remarks
    out.write(_block(SECTION, struct.pack("<IHHq", _BYTE_ORDER, 1, 0, -1), [
        (_COMMENT, verdict_sentence(shown)),
        *((_COMMENT, remark) for remark in remarks),
        (_APPLICATION, f"{say('product')} {shown.version}"),
    ]))
    for capture, link_type in interfaces:
        out.write(_block(INTERFACE, struct.pack("<HHI", link_type, 0, 0), [
            (_NAME, capture_name(capture)), (_DESCRIPTION, f"{capture.vantage}: {capture.role}"),
            (_RESOLUTION, _NANOSECONDS),
        ]))
    for item in sorted(cited, key=lambda item: item.frame.time_ns):
        out.write(_packet(item))
    return len(cited)


def _hidden(frame: RawFrame, pseudonyms: Pseudonyms) -> RawFrame | None:
    """The frame's headers under pseudonyms, cut where payload begins; None where they are not understood."""
    if not understood(frame.octets, frame.link_type):
        return None
    made = rewritten(frame.octets, frame.link_type, pseudonyms)
    return replace(frame, octets=made, wire_bytes=max(frame.wire_bytes, len(frame.octets)))


def comments(diagnosis: Diagnosis) -> dict[tuple[int, FrameNo], list[str]]:
    """What is said of each cited frame, by (capture, frame), with the rule that says it and the frame's old number."""
    said: dict[tuple[int, FrameNo], list[str]] = {}
    for finding in diagnosis.findings:
        for item in finding.evidence:
            place = f"{capture_name(diagnosis.captures[item.capture])}:{item.frame}"
            said.setdefault((item.capture, item.frame), []).append(f"{finding.rule} ({place}): {item.says}")
    return said


def _packet(item: _Cited) -> bytes:
    """Enhanced packet block: interface, time in two halves, captured and original length, octets, comments."""
    octets = item.frame.octets
    high, low = divmod(max(0, item.frame.time_ns) & 0xFFFF_FFFF_FFFF_FFFF, 1 << 32)
    body = struct.pack("<IIIII", item.interface, high, low, len(octets), max(item.frame.wire_bytes, len(octets)))
    return _block(PACKET, body + _padded(octets), [(_COMMENT, text) for text in item.comments])


def _block(kind: int, body: bytes, options: Sequence[tuple[int, str | bytes]]) -> bytes:
    """A block with its options, its length before and behind."""
    inside = body + b"".join(_options(options))
    length = len(inside) + 12
    return struct.pack("<II", kind, length) + inside + struct.pack("<I", length)


def _options(options: Sequence[tuple[int, str | bytes]]) -> Iterator[bytes]:
    for code, value in options:
        octets = clean(value, 2000).encode() if isinstance(value, str) else value
        yield struct.pack("<HH", code, len(octets)) + _padded(octets)
    yield struct.pack("<HH", 0, 0)


def _padded(octets: bytes) -> bytes:
    """Blocks and options end on a boundary of 32 bits."""
    return octets + b"\0" * (-len(octets) % 4)
