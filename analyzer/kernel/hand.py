"""Our end of a resident process inside a host's namespace, asked in JSON (``resident.py``)."""

from __future__ import annotations

import itertools
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from analyzer.errors import ToolError
from analyzer.kernel.enclosure import Enclosure, environment

RESIDENT = Path(__file__).with_name("resident.py")


class Hand:
    """The process in one namespace.  Several requests may be under way; each answer is waited for by number."""

    def __init__(self, enclosure: Enclosure, host: str) -> None:
        self.host = host
        self._numbers = itertools.count(1)
        self._answers: dict[int, dict[str, Any]] = {}
        self._rest = b""
        self._child = subprocess.Popen(
            enclosure.enter(host, [sys.executable, "-I", "-S", str(RESIDENT)]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
            bufsize=0,
        )

    def send(self, do: str, **fields: Any) -> int:  # noqa: ANN401 - the fields of the request
        """Ask for something; the number under which ``receive`` gives the answer."""
        assert self._child.stdin is not None
        number = next(self._numbers)
        try:
            self._child.stdin.write((json.dumps({"id": number, "do": do, **fields}) + "\n").encode())
        except BrokenPipeError:
            raise self._gone() from None
        return number

    def receive(self, number: int, timeout_s: float) -> dict[str, Any]:
        """The answer to request ``number``; ``ToolError`` where it says an error or does not come in time."""
        end = time.monotonic() + timeout_s
        while number not in self._answers:
            self._read(end)
        answer = self._answers.pop(number)
        if "error" in answer:
            raise ToolError(f"{self.host}: {answer['error']}")
        return answer

    def ask(self, do: str, *, wait_s: float = 15.0, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
        """Ask and wait."""
        return self.receive(self.send(do, **fields), wait_s)

    def _read(self, end: float) -> None:
        assert self._child.stdout is not None
        descriptor = self._child.stdout.fileno()
        ready, _, _ = select.select([descriptor], [], [], max(end - time.monotonic(), 0))
        if not ready:
            raise ToolError(f"{self.host}: the bench's process there gave no answer in time")
        octets = os.read(descriptor, 1 << 16)
        if not octets:
            raise self._gone()
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            self._answers[answer.pop("id")] = answer

    def _gone(self) -> ToolError:
        return ToolError(f"{self.host}: the bench's process there ended (status {self._child.poll()})")

    def close(self) -> None:
        """Let the process end; the enclosure kills it if it does not."""
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                stream.close()

    def wait(self) -> None:
        """Collect the child once the enclosure is gone."""
        try:
            self._child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(timeout=10)
