"""What a capture may make us spend: every limit, checked before anything is allocated."""

from __future__ import annotations

from dataclasses import dataclass

from analyzer.limits import stated

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for reading one capture.  A number that a file claims is held against these before it is used.

    What goes past ``record_bytes``, ``block_bytes`` or ``interfaces`` is damage:
    it is skipped and reported.  What goes past ``ratio`` raises
    ``LimitExceeded``, because everything after it is of the same making.
    ``chunk_bytes`` and ``batch_frames`` bound a batch and change no result.
    Each can be moved by a variable of the environment (docs/limits.md).
    """

    record_bytes: int = 256 * KIB
    """Octets of one frame: Wireshark's and libpcap's largest snap length."""
    block_bytes: int = 16 * MIB
    """Octets of one pcapng block, as libpcap bounds it."""
    options: int = 4096
    """Options of one pcapng block that are looked at."""
    interfaces: int = 65_536
    """Interfaces of one capture: what a 16-bit column can number."""
    comments: int = 10_000
    """Comments that are kept."""
    comment_bytes: int = 4 * MIB
    """Octets of all comments, names and descriptions together that are kept."""
    names: int = 65_536
    """Host names that are kept from name resolution blocks."""
    warnings: int = 100
    """Warnings that are kept one by one; the rest is counted."""
    damages: int = 10_000
    """Damaged places after which reading ends: the file is noise."""
    ratio: int = 100
    """Decompressed octets for each compressed one ..."""
    ratio_after_bytes: int = 64 * MIB
    """... once this many have been decompressed."""
    window_bytes: int = 128 * MIB
    """Memory that a decompressor may ask for its window (zstd --long=27, xz -9)."""
    spool_bytes: int = 1024 * MIB
    """Octets of standard input that are kept on disk, so that evidence frames can be read again."""
    tool_seconds: int = 600
    """Seconds that tshark may be silent while it converts a capture for us."""
    chunk_bytes: int = 2 * MIB
    """Octets that are read at once."""
    batch_frames: int = 16_384
    """Frames in one batch."""


DEFAULT_LIMITS = stated(Limits)
