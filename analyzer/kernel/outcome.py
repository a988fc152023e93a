"""How a connection attempt ended, as the program that dialled saw it."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import StrEnum


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
