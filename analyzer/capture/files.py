"""Plain files and pipes as streams, with the operating system's refusals in our words."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from analyzer.errors import CaptureUnreadable


class PlainFile:
    """A file, a FIFO or standard input, read without a buffer in between."""

    def __init__(self, path: str | Path) -> None:
        """``CaptureUnreadable`` where it is missing, forbidden or a folder.  ``-`` is standard input."""
        self.path = str(path)
        self.offset = 0
        if self.path == "-":
            self._descriptor, self._ours = sys.stdin.fileno(), False
        else:
            try:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_BINARY", 0))
            except (OSError, ValueError) as error:
                raise CaptureUnreadable(f"{self.path}: cannot be opened: {_reason(error)}") from error
            self._ours = True
        mode = os.fstat(self._descriptor).st_mode
        if stat.S_ISDIR(mode):
            self.close()
            raise CaptureUnreadable(f"{self.path}: is a folder; name the capture files in it")
        self.regular = stat.S_ISREG(mode)
        if self.regular and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        try:
            count = os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise CaptureUnreadable(
                f"{self.path}: octet {self.offset}: cannot be read: {_reason(error)}; what came before it was used"
            ) from error
        self.offset += count
        return count

    def at(self, offset: int, count: int) -> bytes:
        """``count`` octets from ``offset`` on, fewer at the end; only of a regular file."""
        try:
            return os.pread(self._descriptor, count, offset)
        except OSError as error:
            raise CaptureUnreadable(f"{self.path}: octet {offset}: cannot be read: {_reason(error)}") from error

    def close(self) -> None:
        """As ``window.Stream``."""
        if self._ours and self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def _reason(error: Exception) -> str:
    """What the operating system says, without its number and without the path again."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
