"""What leaves the program besides a Diagnosis in words: the evidence's octets, and the evidence as a capture.

The frames that findings cite are read again from where the diagnosis found them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from analyzer.capture.limits import DEFAULT_LIMITS
from analyzer.capture.octets.files import SPOOLS, PlainFile
from analyzer.capture.recognize import open_again
from analyzer.diagnose.finding import Capture, Diagnosis, Evidence
from analyzer.diagnose.overview import CaptureRead
from analyzer.errors import AnalyzerError, CaptureDamaged, CaptureUnreadable, OutputError
from analyzer.reading import Read
from analyzer.report import headers
from analyzer.report.annotated import SUFFIX, Hidden, RawFrame, write_annotated
from analyzer.report.anonymize import Pseudonyms, addresses_replaced, file_instead, vantage_instead
from analyzer.report.output import format_for, write_file, write_report
from analyzer.report.texts import say
from analyzer.tables import AddressBook
from analyzer.units import FrameNo, UnixNs

FLOWS = ".parquet"

PAYLOAD = 256
"""Octets of a packet's payload that a report holds where somebody asks for payload."""


def is_capture(path: str | Path) -> bool:
    """Whether ``path`` asks for the annotated capture and not for a report."""
    return Path(path).name.lower().endswith(SUFFIX)


def is_flows(path: str | Path) -> bool:
    """Whether ``path`` asks for the flows as a table (``tabular`` writes it) and not for a report."""
    return Path(path).name.lower().endswith(FLOWS)


def wants_octets(path: str | Path) -> bool:
    """Whether the format of ``path`` shows the octets of cited frames."""
    return not is_capture(path) and not is_flows(path) and format_for(path).OCTETS


def check(path: str | Path, *, force: bool, saved: bool = False) -> None:
    """What is wrong with an output is said before the work: ``OutputError``.

    ``saved`` tells that the report is written from a saved result, without the captures.
    """
    if is_flows(path):
        if saved:
            raise OutputError(
                f"{path}: a saved result does not hold the flows; write them with "
                f"replypath flows CAPTURE... -o {path}, or the connections as .csv"
            )
    elif not is_capture(path):
        format_for(path)
    if not force and Path(path).exists():
        raise OutputError(f"{path}: exists; give another name, or --force to replace it")


def write(
    diagnosis: Diagnosis, path: str | Path, *, force: bool = False, under: Hidden | None = None,
) -> list[str]:
    """The diagnosis in the form that the suffix of ``path`` asks for, whole or not at all.

    Without a finding the annotated capture has no packet, and its comment is the
    verdict.  Where it is to be ``under`` pseudonyms, nothing but those is
    written, and ``diagnosis`` tells where the packets are.
    What is to be said of it to a person is returned.

    ``OutputError`` as ``report.output.write_report``; for ``.pcapng`` also
    ``CaptureError`` where the frames cannot be read again.
    """
    if not is_capture(path):
        write_report(under.diagnosis if under else diagnosis, path, force=force)
        return []
    said: list[str] = []
    write_file(path, lambda out: said.extend(_annotated(diagnosis, out, under)), force=force)
    return said


def hidden(shown: Diagnosis, secret: bytes | None) -> Hidden | None:
    """``shown``, anonymized with this key, with the pseudonyms for its packets; None where there is no key."""
    return Hidden(shown, Pseudonyms(secret)) if secret is not None else None


def hide_tables(read: Read, secret: bytes | None) -> Read:
    """The same tables under the pseudonyms of this key, or as they are where there is none."""
    if secret is None:
        return read
    pseudonyms = Pseudonyms(secret)

    def named(number: int, capture: CaptureRead, path: str) -> CaptureRead:
        warnings = [addresses_replaced(text.replace(capture.path, path), pseudonyms) for text in capture.warnings]
        return replace(capture, path=path, vantage=vantage_instead(number, capture.vantage), warnings=warnings)

    files = [
        replace(file, read=named(file.point + 1, file.read, file_instead(number, file.read.path)))
        for number, file in enumerate(read.files, 1)
    ]
    captures = [named(number, each, file_instead(number, each.path)) for number, each in enumerate(read.captures, 1)]
    book = AddressBook([pseudonyms.packed(octets) for octets in read.observed.book.packed])
    names = [vantage_instead(number, name) for number, name in enumerate(read.observed.vantages, 1)]
    return replace(read, observed=replace(read.observed, book=book, vantages=names), captures=captures, files=files,
                   tunnels=[addresses_replaced(text, pseudonyms) for text in read.tunnels])


def with_octets(diagnosis: Diagnosis, *, payload: bool = False) -> Diagnosis:
    """The same diagnosis with the headers of the cited frames, and the first of their payload where that is asked for.

    Where a capture cannot be read again, its frames stay without and a warning says so.
    """
    read, warnings = Frames(diagnosis), list(diagnosis.warnings)
    found: dict[tuple[int, FrameNo], RawFrame] = {}
    for index, capture in enumerate(diagnosis.captures):
        wanted = sorted({e.frame for f in diagnosis.findings for e in f.evidence if e.capture == index})
        try:
            found |= {(index, number): frame for number, frame in read(capture, wanted).items()} if wanted else {}
        except AnalyzerError as error:
            warnings.append(say("evidence.unread", reason=str(error)))

    def filled(item: Evidence) -> Evidence:
        frame = found.get((item.capture, item.frame))
        if frame is None:
            return item
        end = headers.read(frame.octets, frame.link_type).end
        return replace(item, octets=frame.octets[:end].hex(), link_type=frame.link_type,
                       payload=frame.octets[end:end + PAYLOAD].hex() if payload and end else "")

    return replace(diagnosis, warnings=tuple(warnings), findings=tuple(
        replace(finding, evidence=tuple(map(filled, finding.evidence))) for finding in diagnosis.findings))


def _annotated(diagnosis: Diagnosis, out: IO[bytes], under: Hidden | None) -> list[str]:
    said: list[str] = []
    write_annotated(diagnosis, Frames(diagnosis), out, under, said)
    return said


class Frames:
    """Reads the cited frames of a diagnosis again; a ``report.annotated.FrameReader``."""

    def __init__(self, diagnosis: Diagnosis) -> None:
        self._times: dict[tuple[str, int], int] = {
            (diagnosis.captures[item.capture].path, item.frame): item.time_ns
            for finding in diagnosis.findings for item in finding.evidence
            if item.time_ns and item.ttl_hops is not None   # an ARP claim may be told with the time of what it explains
        }

    def __call__(self, capture: Capture, frames: Sequence[FrameNo]) -> Mapping[FrameNo, RawFrame]:
        """The frames by number, in one pass that ends at the last of them.

        ``CaptureUnreadable`` where a pipe was not kept, ``CaptureDamaged`` where
        the file is no longer what was diagnosed.
        """
        missing, found = set(frames), dict[FrameNo, RawFrame]()
        if capture.path == "-" and "-" not in SPOOLS and not PlainFile("-").regular:   # "< FILE" is there still
            raise CaptureUnreadable(
                "-: standard input was read by another run and is gone; analyze a file, or write the .pcapng in the "
                "run that reads the pipe"
            )
        reader = open_again(capture.path, DEFAULT_LIMITS)
        try:
            for batch in reader.batches():
                last = batch.first_frame + len(batch) - 1
                for number in sorted(each for each in missing if each <= last):
                    row = number - batch.first_frame
                    found[number] = RawFrame(
                        batch.frame(row), int(batch.link_type[row]), UnixNs(int(batch.time_ns[row])),
                        int(batch.wire_bytes[row]),
                    )
                    missing.discard(number)
                if not missing:
                    break
        finally:
            reader.close()
        self._same(capture, found, missing)
        return found

    def _same(self, capture: Capture, found: Mapping[FrameNo, RawFrame], missing: set[FrameNo]) -> None:
        """The file must still hold what was diagnosed."""
        spool = SPOOLS.get(capture.path)
        if missing and spool is not None and not spool.complete:
            raise CaptureUnreadable(
                f"{capture.path}: frame {min(missing)} cannot be shown again: only the first {spool.octets} octets of "
                "the pipe were kept; save the capture to a file and analyze that"
            )
        moved = [number for number, frame in found.items()
                 if self._times.get((capture.path, number), frame.time_ns) != frame.time_ns]
        if missing or moved:
            raise CaptureDamaged(
                f"{capture.path}: frame {min([*missing, *moved])} is not the one that was diagnosed: the file has "
                "changed since it was read; analyze it again"
            )
