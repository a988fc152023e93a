"""A command line as words, and what a tool says when it cannot make sense of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_address

from analyzer.network.host import IPAddress
from analyzer.network.routing.fib import Refusal


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command prints and its exit status."""

    status: int = 0
    output: str = ""
    error: str = ""

    @property
    def ok(self) -> bool:
        """Accepted."""
        return self.status == 0


DONE = Answer()


class Misuse(Exception):
    """The tool itself refuses, before the kernel is asked; ``answer`` is what it says."""

    def __init__(self, status: int, error: str) -> None:
        self.answer = Answer(status, error=error)
        super().__init__(error)


def netlink(refused: Refusal | None) -> Answer:
    """What ip(8) prints for the kernel's answer, and its exit status."""
    if refused is None:
        return DONE
    text = f"Error: {refused.message}." if refused.message else f"RTNETLINK answers: {refused.errno}"
    return Answer(2, error=text)


@dataclass(slots=True)
class Words:
    """The words that are left, with ip(8)'s way of asking for the next one."""

    left: list[str]
    seen: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.left)

    def take(self) -> str:
        """The next word; a command that ends here is incomplete."""
        if not self.left:
            raise Misuse(255, 'Command line is not complete. Try option "help"')
        word = self.left.pop(0)
        self.seen.append(word)
        return word

    def peek(self) -> str:
        """The next word without taking it; empty at the end."""
        return self.left[0] if self.left else ""

    def number(self, what: str) -> int:
        """The next word as a number, in any base that strtoul(3) reads."""
        word = self.take()
        try:
            return int(word, 0)
        except ValueError:
            raise wrong(word, f'"{what}" value is invalid') from None

    def address(self, family: int = 0) -> IPAddress:
        """The next word as an address (of ``family``, where that is given)."""
        word = self.take()
        try:
            address = ip_address(word)
        except ValueError:
            address = None
        if address is None or family not in (0, address.version) or "%" in word:
            kind = "inet6" if family == 6 else "inet"
            raise Misuse(1, f'Error: {kind} address is expected rather than "{word}".')
        return address

    def prefix(self, family: int = 0) -> tuple[IPAddress, int]:
        """The next word as address and prefix length; host bits are kept, ``default`` is length 0."""
        word = self.take()
        if word in ("default", "any", "all"):
            return ip_address("::" if family == 6 else "0.0.0.0"), 0  # noqa: S104 - the default route
        head, slash, tail = word.partition("/")
        try:
            address = ip_address(head)
            length = _length(tail, address) if slash else address.max_prefixlen
        except ValueError:
            raise Misuse(1, f'Error: any valid prefix is expected rather than "{word}".') from None
        if family not in (0, address.version) or "%" in head:
            kind = "inet6" if family == 6 else "inet"
            raise Misuse(1, f'Error: {kind} prefix is expected rather than "{word}".')
        return address, length


def _length(text: str, address: IPAddress) -> int:
    if "." in text and address.version == 4:
        mask = int(ip_address(text))
        length = mask.bit_count()
        if mask != ((1 << length) - 1) << (32 - length):
            raise ValueError(text)
        return length
    length = int(text)
    if not 0 <= length <= address.max_prefixlen:
        raise ValueError(text)
    return length


def wrong(word: str, why: str) -> Misuse:
    """ip(8)'s complaint about an argument."""
    return Misuse(255, f'Error: argument "{word}" is wrong: {why}')


def no_device(name: str) -> Misuse:
    """ip(8)'s complaint about an interface that does not exist."""
    return Misuse(1, f'Cannot find device "{name}"')


def choose(word: str, known: tuple[str, ...]) -> str:
    """The first of ``known`` that ``word`` abbreviates, as ip(8) reads its subcommands; else empty."""
    return next((each for each in known if word and each.startswith(word)), "")
