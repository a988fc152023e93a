"""``--on-finding``: a command is run for each announced finding, with the JSON of the event on its standard input.

No shell, an absolute path, one at a time, and an end after ``LIMIT_S``: a
command that hangs delays neither the capture nor the diagnosis.

Commands are run by a process that is forked before ours is confined, so that
they have the rights of whoever gave them.  It takes nothing but texts for the
standard input of that one command.
"""

from __future__ import annotations

import os
import queue
import shlex
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import NoReturn

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
        """To be made before threads are."""
        self._argv, self._say, self._limit_s = argv, say, limit_s
        self._queue: queue.Queue[str | None] = queue.Queue(WAITING)
        self._left_out = 0
        self._line, theirs = Pipe()
        self._runner = os.fork()
        if not self._runner:
            self._line.close()   # its end is how the runner knows that we are gone
            _run_all(theirs, argv, limit_s)
        theirs.close()
        self._thread = threading.Thread(target=self._work, name="on-finding", daemon=True)

    def start(self) -> None:
        """Findings are handed on from here on."""
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
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join((self._queue.qsize() + 1) * self._limit_s)
        self._line.close()
        if not self._thread.is_alive():
            with suppress(OSError):
                os.waitpid(self._runner, 0)
        if self._left_out:
            self._say(f"{self._argv[0]} was not run for {self._left_out} findings: too many at once")

    def _work(self) -> None:
        while (given := self._queue.get()) is not None:
            try:
                self._line.send_bytes(given.encode())
                complaint = self._line.recv_bytes().decode()
            except (OSError, EOFError):
                complaint = f"{self._argv[0]} cannot be run any more: the process that runs it has ended"
            if complaint:
                self._say(complaint)


def _run_all(line: Connection, argv: list[str], limit_s: float) -> NoReturn:
    """In the runner: run the command for each text that comes, and answer with a complaint or nothing."""
    try:
        os.setsid()   # Ctrl-C ends the run; what was found before it is still told
        while True:
            line.send_bytes(_run(argv, line.recv_bytes(), limit_s).encode())
    except (OSError, EOFError):
        pass
    finally:
        os._exit(0)


def _run(argv: list[str], given: bytes, limit_s: float) -> str:
    try:
        done = subprocess.run(
            argv, input=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=limit_s, check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{argv[0]} was ended: it took more than {limit_s:g} s"
    except OSError as error:
        return f"{argv[0]} does not start: {error.strerror}"
    return f"{argv[0]} ended with status {done.returncode}" if done.returncode else ""
