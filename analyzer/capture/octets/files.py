"""Files and pipes as streams, with the operating system's refusals in our words.

What comes through a pipe is gone once it is read.  So that evidence can be
looked at again, the first ``spool_bytes`` of it are kept in a temporary file
without a name; ``again`` reads that.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path
from weakref import finalize

from analyzer.errors import CaptureUnreadable


class PlainFile:
    """A file, a FIFO or standard input (``-``), read without a buffer in between; a ``window.Stream``."""

    def __init__(self, path: str | Path) -> None:
        """``CaptureUnreadable`` where it is missing, forbidden or a folder."""
        self.path = str(path)
        self.offset = 0
        self._ours = self.path != "-"
        try:
            flags = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_BINARY", 0)
            self._descriptor = os.open(self.path, flags) if self._ours else sys.stdin.fileno()
            mode = os.fstat(self._descriptor).st_mode
        except (OSError, ValueError, AttributeError) as error:   # a closed standard input has no number
            raise CaptureUnreadable(f"{self.path}: cannot be opened: {_reason(error)}") from error
        if stat.S_ISDIR(mode):
            self.close()
            raise CaptureUnreadable(f"{self.path}: is a folder; name the capture files in it")
        self.regular = stat.S_ISREG(mode)
        self._begin = 0
        if self.regular:
            if not self._ours:
                self._begin = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        try:
            if self.regular:   # at a place of our own: standard input from a file can be read twice that way
                count = os.preadv(self._descriptor, [buffer], self._begin + self.offset)
            else:
                count = os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise CaptureUnreadable(
                f"{self.path}: octet {self.offset}: cannot be read: {_reason(error)}; what came before it was read"
            ) from error
        self.offset += count
        return count

    def at(self, offset: int, count: int) -> bytes:
        """``count`` octets from ``offset`` on, fewer at the end; only of a regular file."""
        try:
            return os.pread(self._descriptor, count, self._begin + offset)
        except OSError as error:
            raise CaptureUnreadable(f"{self.path}: octet {offset}: cannot be read: {_reason(error)}") from error

    def close(self) -> None:
        """As ``window.Stream``."""
        if self._ours and self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class Spool:
    """What came through a pipe, kept to be read again."""

    def __init__(self, most: int) -> None:
        self._descriptor, name = tempfile.mkstemp()
        Path(name).unlink()
        finalize(self, os.close, self._descriptor)
        self._most = most
        self.octets = 0
        self.complete = True

    def keep(self, data: memoryview) -> None:
        """Keep what fits.  A full disk ends the keeping, not the reading."""
        fits = min(len(data), self._most - self.octets)
        try:
            fits = os.write(self._descriptor, data[:fits]) if fits else 0
        except OSError:
            fits, self._most = 0, self.octets
        self.octets += fits
        self.complete = self.complete and fits == len(data)

    def at(self, offset: int, buffer: memoryview) -> int:
        """Fill ``buffer`` from ``offset`` on; how many octets came."""
        room = min(len(buffer), self.octets - offset)
        return os.preadv(self._descriptor, [buffer[:room]], offset) if room > 0 else 0


SPOOLS: dict[str, Spool] = {}
"""By the name under which the pipe was opened: a process has one standard input, and a FIFO is read once."""


class Pipe:
    """A pipe whose beginning is kept; a ``window.Stream``."""

    def __init__(self, plain: PlainFile, most: int) -> None:
        self._plain = plain
        self._spool = SPOOLS[plain.path] = Spool(most)

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        count = self._plain.readinto(buffer)
        self._spool.keep(buffer[:count])
        return count

    def close(self) -> None:
        """As ``window.Stream``."""
        self._plain.close()


class Again:
    """What was kept of a pipe; a ``window.Stream``."""

    def __init__(self, path: str) -> None:
        self.spool = SPOOLS[path]
        self._offset = 0

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        count = self.spool.at(self._offset, buffer)
        self._offset += count
        return count

    def close(self) -> None:
        """As ``window.Stream``; what was kept stays for the next time."""


def _reason(error: Exception) -> str:
    """What the operating system says, without its number and without the path again."""
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
