"""zstd, one block at a time (RFC 8878 §3.1.1): so that no input makes a large output at once, and a cut one is seen.

Frame:  magic (4)  header (2-14)  blocks  checksum (4, if the header says so)
Block:  24 bits, low end first: last (1), type (2), size (21); then size octets, or 1 octet of a run (type 1)
A skippable frame is its magic (4), a size (4) and so many octets.

The binding decodes; this walks along and hands it whole blocks, whose contents
the format bounds to 128 KiB each.
"""

from __future__ import annotations

from typing import Any

MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE = b"\x2a\x4d\x18"
BLOCK_LIMIT = 128 * 1024
RUN = 1
HEAD, BLOCKS, CHECKSUM, SKIPPED = range(4)


class ZstdDecoder:
    """One frame; ``compressed.Decoder``.  ``ValueError`` or the binding's own error where the frame lies."""

    def __init__(self, binding: Any) -> None:  # noqa: ANN401 - a decompressobj of zstandard, which has no types
        self.eof = False
        self.needs_input = True
        self.unused_data: bytes | None = None
        self._binding = binding
        self._input = bytearray()
        self._output = b""
        self._part = HEAD
        self._checked = self._complete = False
        self._skip = 0

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most ``max_length`` octets more."""
        self._input += data
        self.needs_input = False
        while not self._output and not self._complete:
            piece = self._next()
            if piece is None:
                self.needs_input = True
                break
            self._output = self._binding.decompress(piece) if piece else b""
        most = len(self._output) if max_length < 0 else max_length
        given, self._output = self._output[:most], self._output[most:]
        self.eof = self._complete and not self._output
        if self.eof and self.unused_data is None:
            self.unused_data, self._input = bytes(self._input), bytearray()
        return given

    def _next(self) -> bytes | None:
        """The next part of the frame as a whole, empty where there is nothing to decode in it; None: not there yet."""
        match self._part:
            case 0:
                return self._head()
            case 1:
                return self._block()
            case 2:
                self._complete = len(self._input) >= 4
                return self._take(4)
        taken = min(self._skip, len(self._input))
        self._skip -= taken
        del self._input[:taken]
        self._complete = self._skip == 0
        return b"" if self._complete else None

    def _take(self, count: int) -> bytes | None:
        """The first octets of the input, or None while they are not all there."""
        if len(self._input) < count:
            return None
        taken = bytes(self._input[:count])
        del self._input[:count]
        return taken

    def _head(self) -> bytes | None:
        """RFC 8878 §3.1.1.1: magic, descriptor, window (1, not in a single segment), dictionary, content size."""
        if len(self._input) < 8:
            return None
        if self._input[1:4] == SKIPPABLE:
            self._part, self._skip = SKIPPED, 8 + int.from_bytes(self._input[4:8], "little")
            return b""
        descriptor = self._input[4]
        single = descriptor >> 5 & 1
        dictionary = (0, 1, 2, 4)[descriptor & 3]
        content = (single, 2, 4, 8)[descriptor >> 6]
        self._checked = bool(descriptor & 4)
        head = self._take(5 + (1 - single) + dictionary + content)
        if head is not None:
            self._part = BLOCKS
        return head

    def _block(self) -> bytes | None:
        """RFC 8878 §3.1.1.2."""
        if len(self._input) < 3:
            return None
        word = int.from_bytes(self._input[:3], "little")
        size = 1 if word >> 1 & 3 == RUN else word >> 3
        if word >> 3 > BLOCK_LIMIT:
            raise ValueError(f"a zstd block claims {word >> 3} octets, more than the format allows")
        block = self._take(3 + size)
        if block is not None and word & 1:
            self._part = CHECKSUM
            self._complete = not self._checked
        return block
