"""``--on-finding``: a command is run for each announced finding, with the JSON of the event on its standard input.

No shell, an absolute path, one at a time, and an end after ``LIMIT_S``: a
command that hangs delays neither the capture nor the diagnosis.
"""

from __future__ import annotations

import os
import queue
import shlex
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

from analyzer.errors import ConfigError
from analyzer.live.events import Event, Found, Status
from analyzer.live.screens.ndjson import json_line

LIMIT_S = 30.0
WAITING = 100
"""Findings that may wait for the command; more are counted, not run."""


def command(text: str) -> list[str]:
    """``--on-finding``'s words; ``ConfigError`` where it names no program that can be run by an absolute path."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"--on-finding {text!r}: cannot be split into words: {error}") from None
    if not words or not Path(words[0]).is_absolute():
        raise ConfigError(f"--on-finding {text!r}: expected the absolute path of a program, as /usr/local/bin/page")
    if not Path(words[0]).is_file() or not os.access(words[0], os.X_OK):
        raise ConfigError(f"--on-finding {text!r}: {words[0]} is no program that may be run here")
    return words


class Hook:
    """A ``session.Screen`` that runs the command."""

    def __init__(self, argv: list[str], say: Callable[[str], None], limit_s: float = LIMIT_S) -> None:
        self._argv, self._say, self._limit_s = argv, say, limit_s
        self._queue: queue.Queue[str | None] = queue.Queue(WAITING)
        self._left_out = 0
        self._thread = threading.Thread(target=self._work, name="on-finding", daemon=True)
        self._thread.start()

    def event(self, event: Event) -> None:
        """As ``session.Screen``."""
        if isinstance(event, Found):
            try:
                self._queue.put_nowait(json_line(event))
            except queue.Full:
                self._left_out += 1

    def status(self, status: Status) -> None:
        """As ``session.Screen``."""

    def close(self) -> None:
        """Wait for the commands that are due, each within its limit."""
        self._queue.put(None)
        self._thread.join((self._queue.qsize() + 1) * self._limit_s)
        if self._left_out:
            self._say(f"{self._argv[0]} was not run for {self._left_out} findings: too many at once")

    def _work(self) -> None:
        while (given := self._queue.get()) is not None:
            try:
                done = subprocess.run(
                    self._argv, input=given.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                    timeout=self._limit_s, check=False,
                )
            except subprocess.TimeoutExpired:
                self._say(f"{self._argv[0]} was ended: it took more than {self._limit_s:g} s")
            except OSError as error:
                self._say(f"{self._argv[0]} does not start: {error.strerror}")
            else:
                if done.returncode:
                    self._say(f"{self._argv[0]} ended with status {done.returncode}")
