"""A connection that is tried on the bench: who dials what, what has to come back, how it ended for the client."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from analyzer.kernel.hand import Hand

Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True, slots=True)
class Probe:
    """``client`` dials, sends ``send`` and waits for ``expect`` octets (-1: until the peer closes).

    The default suits a listener that ``speak``s; ``source`` is the client's own
    address and port ("" and 0: the kernel's choice).
    """

    client: str = "client"
    address: str = "203.0.113.10"
    port: int = 80
    protocol: Protocol = "tcp"
    send: bytes = b"5 0\n"
    expect: int = 5
    source: tuple[str, int] = ("", 0)

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.client} -> {host}:{self.port}/{self.protocol}"


HTTP = Probe(send=b"GET / HTTP/1.0\r\n\r\n", expect=-1)
"""The LAN client of ``networks.two_arm`` fetches a page from the virtual service: the connection that fails there."""


class Result(StrEnum):
    """One word for what the dialling program was told."""

    ANSWERED = "answered"        # connected, and as many octets came back as were expected
    SILENT = "silent"            # connected (or sent), but the expected answer did not come in time
    TIMEOUT = "timeout"          # nobody answered the SYN
    REFUSED = "refused"          # a reset answered the SYN, or port unreachable
    RESET = "reset"              # a reset in the middle
    UNREACHABLE = "unreachable"  # the host, or an ICMP message, says that there is no way
    FAILED = "failed"            # anything else: see ``error``


CONNECTING = {
    0: Result.ANSWERED,
    errno.ETIMEDOUT: Result.TIMEOUT,
    errno.ECONNREFUSED: Result.REFUSED,
    errno.ECONNRESET: Result.RESET,
    errno.EHOSTUNREACH: Result.UNREACHABLE,
    errno.ENETUNREACH: Result.UNREACHABLE,
    errno.EACCES: Result.UNREACHABLE,     # ICMP administratively prohibited
}
"""errno of connect() -> result."""

TALKING = {**CONNECTING, errno.ETIMEDOUT: Result.SILENT, errno.EPIPE: Result.RESET}
"""errno while sending and receiving -> result."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``local`` and ``peer`` are (address, port); ``error`` is the errno's name, empty when there was none."""

    result: Result
    reply: bytes = b""
    error: str = ""
    local: tuple[str, int] = ("", 0)
    peer: tuple[str, int] = ("", 0)

    @property
    def ok(self) -> bool:
        """Whether the client got what it came for."""
        return self.result is Result.ANSWERED

    def __str__(self) -> str:
        return f"{self.result}{f' ({self.error})' if self.error else ''}"


def name_of(number: int) -> str:
    """``ETIMEDOUT`` for 110; empty for 0."""
    return errno.errorcode.get(number, str(number)) if number else ""


SLACK_S = 10.0
"""How much longer than the work itself an answer may take on a busy machine."""


def patient(seconds: float) -> float:
    """``seconds`` on an idle machine, up to four times as long on a busy one.

    A connection that is expected to fail is given this long.  Nothing is lost
    on the bench, but on a machine with more work than processors the kernel's
    own threads wait in the queue too (seen: 0.8 s for a handshake, at a load of
    7 for each processor).
    """
    return seconds * min(max(os.getloadavg()[0] / (os.cpu_count() or 1), 1.0), 4.0)


def dialled(said: dict[str, Any], peer: tuple[str, int]) -> Outcome:
    """How opening went, from the resident process's answer to ``dial``."""
    result = CONNECTING.get(said["errno"], Result.FAILED)
    return Outcome(result, b"", name_of(said["errno"]), (said["local"][0], said["local"][1]), peer)


def talked(said: dict[str, Any], expect: int, peer: tuple[str, int]) -> Outcome:
    """How an exchange went, from the resident process's answer to ``exchange`` or ``visit``."""
    reply = said["reply"].encode("latin-1")
    complete = (said["ended"] and reply != b"") if expect < 0 else len(reply) >= expect
    result = TALKING.get(said["errno"], Result.FAILED)
    if result is Result.ANSWERED and not complete:
        result = Result.SILENT
    local = said.get("local", ("", 0))
    return Outcome(result, reply, name_of(said["errno"]), (local[0], local[1]), peer)


@dataclass(slots=True)
class Connection:
    """An open connection of one client; ``outcome`` says how opening it went."""

    outcome: Outcome
    _hand: Hand
    _handle: int | None

    def say(self, octets: bytes, expect: int, *, timeout_s: float = 2.0) -> Outcome:
        """Send, and wait for ``expect`` octets (-1: until the peer closes)."""
        if self._handle is None:
            return self.outcome
        said = self._hand.ask(
            "exchange",
            handle=self._handle,
            send=octets.decode("latin-1"),
            expect=expect,
            timeout_s=timeout_s,
            wait_s=timeout_s + SLACK_S,
        )
        said["local"] = self.outcome.local
        return talked(said, expect, self.outcome.peer)

    def send(self, octets: bytes) -> None:
        """Send, and wait for nothing."""
        self.say(octets, 0)

    def close(self, *, abort: bool = False) -> None:
        """Close; with ``abort`` by a reset.  Twice is once."""
        if self._handle is not None:
            self._hand.ask("close", handle=self._handle, abort=abort)
            self._handle = None
