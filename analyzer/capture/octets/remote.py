"""Files that are not on this machine (``s3://``, ``sftp://``, ``http://`` ...), through fsspec, which is an extra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from analyzer.errors import CaptureUnreadable

SCHEME = "://"


def is_remote(path: str) -> bool:
    """Whether a path names a file by a scheme."""
    return SCHEME in path


class RemoteFile:
    """A remote file, read from ``offset`` on; a ``window.Stream``."""

    def __init__(self, path: str) -> None:
        """``CaptureUnreadable`` where it is missing or forbidden, or fsspec (or what it needs) is not installed."""
        self.path = path
        self.offset = 0
        try:
            fsspec: Any = import_module("fsspec")
            self._file: Any = fsspec.open(path, "rb").open()
            self.octets = int(self._file.seek(0, 2))
        except ImportError as error:
            raise CaptureUnreadable(
                f"{path}: remote files need fsspec and what it uses for this scheme ({error}); install "
                "'replypath[cluster]', and for s3 also s3fs"
            ) from error
        except Exception as error:   # each file system has errors of its own
            raise CaptureUnreadable(f"{path}: cannot be opened: {_reason(error)}") from error

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``."""
        try:
            self._file.seek(self.offset)
            data = self._file.read(len(buffer))
        except Exception as error:   # each file system has errors of its own
            raise CaptureUnreadable(
                f"{self.path}: octet {self.offset}: cannot be read: {_reason(error)}; what came before it was read"
            ) from error
        buffer[: len(data)] = data
        self.offset += len(data)
        return len(data)

    def at(self, offset: int, count: int) -> bytes:
        """``count`` octets from ``offset`` on, fewer at the end."""
        room = bytearray(count)
        before, self.offset = self.offset, offset
        got = self.readinto(memoryview(room))
        self.offset = before
        return bytes(room[:got])

    def close(self) -> None:
        """As ``window.Stream``."""
        self._file.close()


def _reason(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0] or type(error).__name__
