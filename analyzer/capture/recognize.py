"""Which reader a capture needs: decided by its first octets, never by its name."""

from __future__ import annotations

from pathlib import Path

from analyzer.capture.limits import Limits
from analyzer.capture.octets.compressed import MAGIC_BYTES, Decompressed, method_of
from analyzer.capture.octets.files import SPOOLS, Again, Pipe, PlainFile
from analyzer.capture.octets.nstrace import PAGE, NetScalerTrace, trace_version
from analyzer.capture.octets.remote import RemoteFile, is_remote
from analyzer.capture.octets.window import Stream, Window
from analyzer.capture.pcap import PcapReader, is_pcap
from analyzer.capture.pcapng import MAGIC as PCAPNG_MAGIC
from analyzer.capture.pcapng import PcapngReader
from analyzer.capture.reader import RecordReader
from analyzer.capture.wireshark import Converted
from analyzer.errors import NotACapture, ToolError


def open_reader(path: str | Path, limits: Limits, *, prompt: bool = False) -> RecordReader:
    """As ``source.open_capture``."""
    if is_remote(str(path)):
        return _recognize(str(path), RemoteFile(str(path)), limits, prompt=prompt)
    plain = PlainFile(path)
    return _recognize(str(path), plain if plain.regular else Pipe(plain, limits.spool_bytes), limits, prompt=prompt)


def open_again(path: str | Path, limits: Limits) -> RecordReader:
    """A capture that was opened before: a pipe gives what was kept of it."""
    name = str(path)
    if is_remote(name):
        return _recognize(name, RemoteFile(name), limits)
    return _recognize(name, Again(name) if name in SPOOLS else PlainFile(name), limits)


def _recognize(name: str, stream: Stream, limits: Limits, *, prompt: bool = False) -> RecordReader:
    """The reader for what the first octets say."""
    try:
        reader = _our_own(name, stream, limits, prompt=prompt)
    except BaseException:
        stream.close()
        raise
    if isinstance(reader, RecordReader):
        return reader
    stream.close()
    return _converted(name, reader, limits, prompt=prompt)


def _our_own(name: str, stream: Stream, limits: Limits, *, prompt: bool) -> RecordReader | str:
    """The reader of a format that we read ourselves, after decompression; or what the octets are instead."""
    window = Window(stream, limits.chunk_bytes, prompt=prompt)
    magic = window.peek(MAGIC_BYTES)
    inside, method = "", method_of(magic)
    if method:
        inside = f"inside its {method.name} compression it "
        window = Window(Decompressed(name, method, window, limits), limits.chunk_bytes, prompt=prompt)
        magic = window.peek(MAGIC_BYTES)
    if window.failure and not magic:
        raise window.failure
    if not magic:
        raise NotACapture(f"{name}: {inside}is empty; expected a capture (pcap, pcapng, or what Wireshark reads)")
    if magic.startswith(PCAPNG_MAGIC):
        return PcapngReader(name, window, limits)
    if is_pcap(magic):
        return PcapReader(name, window, limits)
    if version := trace_version(window.peek(PAGE)):
        window = Window(NetScalerTrace(name, version, window), limits.chunk_bytes, prompt=prompt)
        reader = PcapngReader(name, window, limits)
        reader.format = "nstrace"
        return reader
    unknown = f"{name}: {inside}begins with {magic[:4].hex()}, which is neither pcap nor pcapng"
    if inside or not isinstance(stream, PlainFile):
        raise NotACapture(f"{unknown}; what only Wireshark reads has to be a plain file")
    return unknown


def _converted(name: str, unknown: str, limits: Limits, *, prompt: bool) -> RecordReader:
    """A capture in one of the formats that only Wireshark reads."""
    try:
        stream = Converted(name, limits.tool_seconds)
    except ToolError as error:
        raise NotACapture(
            f"{unknown}; Wireshark may know it, but {error}: install tshark, or save the capture as pcapng in Wireshark"
        ) from error
    try:
        window = Window(stream, limits.chunk_bytes, prompt=prompt)
        known = window.peek(4) == PCAPNG_MAGIC
        reader = PcapngReader(name, window, limits) if known else None
    except BaseException:
        stream.close()
        raise
    if reader is None:
        stream.close()
        if stream.silent and window.failure:
            raise window.failure
        raise NotACapture(f"{unknown}; tshark does not read it either: {stream.complaint()}")
    reader.format = "converted by tshark"
    return reader
