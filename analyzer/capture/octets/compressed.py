"""Compressed captures: gzip, zstd, lz4, xz and bzip2, recognised by their first octets, streamed and bounded.

Every decoder is asked for at most as much as the caller has room for, so a
small file cannot make it allocate a large answer, and what it has given is held
against what it was fed: ``LimitExceeded`` past the ratio of ``Limits``.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from analyzer.capture.limits import Limits
from analyzer.capture.octets import zstd
from analyzer.capture.octets.window import Window
from analyzer.capture.octets.zstd import ZstdDecoder
from analyzer.errors import CaptureDamaged, LimitExceeded, ToolError

FEED = 256 * 1024
"""Compressed octets that are read at once."""
PIECE = 64 * 1024
"""Octets that a decoder is asked for at once: so many are lost where it meets damage."""


class Decoder(Protocol):
    """One member of a compressed stream, as ``lzma.LZMADecompressor`` and ``bz2.BZ2Decompressor`` are."""

    eof: bool
    needs_input: bool
    unused_data: bytes | None

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most ``max_length`` octets more."""


def _module(name: str, package: str) -> Any:  # noqa: ANN401 - a module of somebody else, untyped
    """A decompressor's module; imported only for a file that needs it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ToolError(f"the Python package {package} is missing, which this capture needs: pip install it") from error


def _gzip(_limits: Limits) -> Decoder:
    igzip = _module("isal.igzip_lib", "isal")
    decoder: Decoder = igzip.IgzipDecompressor(flag=igzip.DECOMP_GZIP)
    return decoder


def _lz4(_limits: Limits) -> Decoder:
    decoder: Decoder = _module("lz4.frame", "lz4").LZ4FrameDecompressor()
    return decoder


def _xz(limits: Limits) -> Decoder:
    lzma = _module("lzma", "lzma")
    decoder: Decoder = lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=limits.window_bytes)
    return decoder


def _bzip2(_limits: Limits) -> Decoder:
    decoder: Decoder = _module("bz2", "bz2").BZ2Decompressor()
    return decoder


def _zstd(limits: Limits) -> Decoder:
    zstandard = _module("zstandard", "zstandard")
    return ZstdDecoder(zstandard.ZstdDecompressor(max_window_size=limits.window_bytes).decompressobj())


class Method(NamedTuple):
    """A way to compress: its name, how its files begin, and a decoder for one member."""

    name: str
    magics: tuple[bytes, ...]
    decoder: Callable[[Limits], Decoder]


METHODS = (
    Method("gzip", (b"\x1f\x8b\x08",), _gzip),
    # A skippable frame does not say whether it is zstd's or lz4's: zstd's tools write them (pzstd), lz4's do not.
    Method("zstd", (zstd.MAGIC, *(bytes([0x50 | i]) + zstd.SKIPPABLE for i in range(16))), _zstd),
    Method("lz4", (b"\x04\x22\x4d\x18",), _lz4),
    Method("xz", (b"\xfd7zXZ\0",), _xz),
    Method("bzip2", (b"BZh",), _bzip2),
)
MAGIC_BYTES = 6


def method_of(magic: bytes) -> Method | None:
    """How a file that begins so is compressed, or None."""
    return next((method for method in METHODS if magic.startswith(method.magics)), None)


class Decompressed:
    """What a compressed stream holds, members one after the other; a ``window.Stream``."""

    def __init__(self, path: str, method: Method, window: Window, limits: Limits) -> None:
        self._path = path
        self._method = method
        self._window = window
        self._limits = limits
        self._decoder: Decoder | None = method.decoder(limits)
        self._fed = self._given = 0

    @property
    def offset(self) -> int:
        """Compressed octets that have been used up: how far the file has been read."""
        return self._window.offset

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        while self._decoder:
            octets = self._feed(min(PIECE, len(buffer)))
            if self._decoder.eof:
                self._next_member(len(self._decoder.unused_data or b""))
            if octets:
                self._given += len(octets)
                self._check_ratio()
                buffer[: len(octets)] = octets
                return len(octets)
        if len(self._window):
            raise CaptureDamaged(
                f"{self._path}: what follows octet {self._window.offset} of the file is no {self._method.name} data; "
                "what came before was read"
            )
        return 0

    def close(self) -> None:
        """As ``window.Stream``."""
        self._window.stream.close()

    def _feed(self, room: int) -> bytes:
        """What the decoder gives next; nothing where it only took something in."""
        assert self._decoder is not None
        data = b""
        if self._decoder.needs_input:
            data = self._take()
            if not data:
                raise self._window.failure or CaptureDamaged(
                    f"{self._path}: the {self._method.name} data ends at octet {self._window.offset} of the file, "
                    "before it is complete; what came before was read"
                )
        try:
            return self._decoder.decompress(data, room)
        except Exception as error:  # each decoder has exceptions of its own, and all mean the same here
            raise CaptureDamaged(
                f"{self._path}: the {self._method.name} data is damaged near octet {self._window.offset} of the file "
                f"({error}); what came before was read"
            ) from error

    def _take(self) -> bytes:
        """More compressed octets, or none at the end."""
        if not len(self._window):
            self._window.more(1)
        data = self._window.peek(min(FEED, len(self._window)))
        self._window.begin += len(data)
        self._fed += len(data)
        return data

    def _next_member(self, unused: int) -> None:
        """Go on after a complete member: with another one, or not at all."""
        self._window.begin -= unused   # all of it from the last feed: a decoder that still has input is not fed
        self._fed -= unused
        again = self._window.peek(MAGIC_BYTES).startswith(self._method.magics)
        self._decoder = self._method.decoder(self._limits) if again else None

    def _check_ratio(self) -> None:
        """Stop at a file that becomes too much larger than it is."""
        limits = self._limits
        if self._given > limits.ratio_after_bytes and self._given > limits.ratio * self._fed:
            raise LimitExceeded(
                f"{self._path}: {self._fed} octets of {self._method.name} data have become more than {self._given}, "
                f"over the limit of {limits.ratio} to 1; if the file is to be trusted, decompress it first"
            )
