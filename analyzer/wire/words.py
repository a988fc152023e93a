"""The words of one line of packet text, each with its column, and the small things that they spell."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NoReturn

from analyzer.errors import ConfigSyntaxError
from analyzer.units import SECOND_NS
from analyzer.wire.packet import FLAG_LETTERS, IP

_TOKEN = re.compile(r"[()]|[^\s()]+")
_DIGITS = re.compile(r"[0-9]{1,10}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_TIME = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,9}))?")
_ENDPOINT = re.compile(r"\[([^]]*)](?::([0-9]{1,10}))?|([^:]*):([0-9]{1,10})")

U8, U12, U16, U32 = 0xFF, 0xFFF, 0xFFFF, 0xFFFFFFFF


class Words:
    """A line as words, with the column of each; every method takes the next ones or fails with their column."""

    def __init__(self, line: str, source: str) -> None:
        self.line, self.source = line, source
        self.words = [(found.group(), found.start() + 1) for found in _TOKEN.finditer(line)]
        self.next = 0

    def fail(self, expected: str) -> NoReturn:
        """What stands at the current word is not what was expected."""
        word, column = self.words[self.next] if self.next < len(self.words) else ("the end", len(self.line) + 1)
        raise ConfigSyntaxError([f"{self.source}:{column}: expected {expected}, got {word!r} in {self.line.strip()!r}"])

    def peek(self) -> str:
        """The next word; empty at the end."""
        return self.words[self.next][0] if self.next < len(self.words) else ""

    def accept(self, *words: str) -> bool:
        """Take these words if they come next, all of them."""
        if [word for word, _ in self.words[self.next:self.next + len(words)]] != list(words):
            return False
        self.next += len(words)
        return True

    def expect(self, word: str) -> None:
        """This word and no other."""
        if not self.accept(word):
            self.fail(repr(word))

    def number(self, limit: int, what: str) -> int:
        """A decimal number up to ``limit``."""
        word = self.peek()
        if not _DIGITS.fullmatch(word) or int(word) > limit:
            self.fail(f"{what} (0 to {limit})")
        self.next += 1
        return int(word)

    def address(self, version: int) -> IP:
        """An address of this IP version."""
        try:
            found = ip_address(self.peek())
        except ValueError:
            found = None
        if found is None or found.version != version:
            self.fail(f"an IPv{version} address")
        self.next += 1
        return found

    def mac(self) -> str:
        """A MAC, lower case."""
        word = self.peek().lower()
        if not _MAC.fullmatch(word):
            self.fail("a MAC as 02:00:00:00:00:01")
        self.next += 1
        return word

    def endpoint(self) -> tuple[IP, int | None]:
        """An address, and its port if it has one."""
        word, port = self.peek(), None
        found = _ENDPOINT.fullmatch(word)
        if found:
            word = found[1] or found[3] or ""
            port = int(found[2] or found[4] or -1)
        try:
            address = ip_address(word)
        except ValueError:
            self.fail("ADDRESS:PORT, [ADDRESS]:PORT or ADDRESS")
        if port == -1:
            port = None
        if port is not None and port > U16:
            self.fail("a port up to 65535")
        self.next += 1
        return address, port

    def time_ns(self) -> int:
        """Seconds with up to nine digits, as nanoseconds."""
        found = _TIME.fullmatch(self.peek())
        if not found:
            self.fail("a time in seconds, as 0.000400")
        self.next += 1
        return int(found[1]) * SECOND_NS + int((found[2] or "").ljust(9, "0"))

    def pair(self) -> tuple[tuple[IP, int | None], tuple[IP, int | None]]:
        """Two ends with ``>`` between them, of one IP version, both with a port or none."""
        one = self.endpoint()
        self.expect(">")
        at, other = self.next, self.endpoint()
        if one[0].version != other[0].version or (one[1] is None) != (other[1] is None):
            self.next = at
            self.fail(f"the like of {self.words[at - 2][0]!r}: both IPv4 or both IPv6, both with a port or none")
        return one, other

    def flags(self) -> int:
        """TCP flags in tcpdump's letters."""
        word = self.peek()
        letters = "" if word == "[none]" else word[1:-1]
        if not (word.startswith("[") and word.endswith("]")) or set(letters) - set(FLAG_LETTERS):
            self.fail("'udp', or TCP flags as [S.]")
        self.next += 1
        return sum(1 << FLAG_LETTERS.index(letter) for letter in set(letters))

    def timestamps(self) -> tuple[int, int]:
        """TSval and TSecr."""
        value, slash, echo = self.peek().partition("/")
        if not (slash and _DIGITS.fullmatch(value) and _DIGITS.fullmatch(echo)) or max(int(value), int(echo)) > U32:
            self.fail("TSval/TSecr, as 100/0")
        self.next += 1
        return int(value), int(echo)

    def data(self) -> bytes:
        """Hexadecimal octets and the bracket that closes them."""
        word = self.peek()
        try:
            found = bytes.fromhex(word.removesuffix("]"))
        except ValueError:
            found = b""
        if not found or not word.endswith("]"):
            self.fail("hexadecimal octets and ']'")
        self.next += 1
        return found

    def macs(self) -> tuple[str, str]:
        """Source and destination MAC."""
        source, _, destination = self.peek().lower().partition(">")
        if not (_MAC.fullmatch(source) and _MAC.fullmatch(destination)):
            self.fail("SOURCE>DESTINATION, two MACs")
        self.next += 1
        return source, destination
