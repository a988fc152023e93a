"""Formats that only Wireshark reads, through tshark: snoop, ERF, NetScaler's nstrace and a hundred others.

tshark is told to convert, not to dissect.  It is found by absolute path, gets
no shell and no standard input, and is ended when it stays silent for too long.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from analyzer.errors import CaptureDamaged, ToolError

SENTENCE = 500
"""Characters of tshark's complaint that are passed on."""


def tshark() -> str | None:
    """Where tshark is; None where it is not installed.  Relative entries of the search path do not count."""
    places = [place for place in os.get_exec_path() if Path(place).is_absolute()]
    return shutil.which("tshark", path=os.pathsep.join(places)) if places else None


def safe_name(path: str) -> str:
    """A file's name that no program takes for an option or for standard input."""
    return os.path.join(".", path) if path.startswith("-") else path   # noqa: PTH118 - Path("./-") is "-" again


class Converted:
    """A capture as tshark writes it in pcapng; a ``window.Stream``."""

    def __init__(self, path: str, silent_seconds: int) -> None:
        """``ToolError`` where tshark is not installed or does not start."""
        program = tshark()
        if program is None:
            raise ToolError("tshark is not installed")
        self._path = path
        self._silent_seconds = silent_seconds
        self._complaint: IO[bytes] = tempfile.TemporaryFile()   # noqa: SIM115 - closed with the stream
        self._said = ""
        self.silent = False
        """Ended because nothing came for too long."""
        try:
            self._child = subprocess.Popen(
                [program, "-n", "-r", safe_name(path), "-w", "-", "-F", "pcapng"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._complaint, bufsize=0,
            )
        except OSError as error:
            raise ToolError(f"{program}: does not start: {error.strerror}") from error

    def readinto(self, buffer: memoryview, /) -> int:
        """As ``window.Stream``; ``CaptureDamaged`` with tshark's own words where it gave up."""
        pipe = self._child.stdout
        assert pipe is not None
        ready, _, _ = select.select([pipe], [], [], self._silent_seconds)
        if not ready:
            self.silent = True
            self.close()
            raise CaptureDamaged(f"{self._path}: tshark was silent for {self._silent_seconds} seconds and was ended")
        count = os.readv(pipe.fileno(), [buffer])
        if count == 0 and self._status():
            raise CaptureDamaged(f"{self._path}: tshark says: {self.complaint()}")
        return count

    def complaint(self) -> str:
        """What tshark had to say, in one line."""
        if not self._complaint.closed:
            self._complaint.seek(0)
            lines = self._complaint.read(16 * SENTENCE).decode("utf-8", "replace").splitlines()
            # As root tshark begins with a warning about that.
            said = " ".join(line.strip() for line in lines if line.strip() and not line.startswith("Running as user"))
            self._said = said[:SENTENCE] or f"nothing, and its status is {self._child.returncode}"
        return self._said

    def close(self) -> None:
        """As ``window.Stream``; nobody listens any more, so tshark is ended."""
        if self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        assert self._child.stdout is not None
        self._child.stdout.close()
        self.complaint()
        self._complaint.close()

    def _status(self) -> int:
        """Its exit status, once its output is closed."""
        try:
            return self._child.wait(timeout=self._silent_seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()
