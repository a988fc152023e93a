"""What a reader knows in the middle of a file, as a value: with it, reading goes on as if it had never stopped."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analyzer.capture import records as r
from analyzer.capture.blocks import Order
from analyzer.capture.interface import Interface
from analyzer.capture.limits import DEFAULT_LIMITS
from analyzer.capture.reader import sentences

ADDED = (r.ODD_FRACTION, r.CLAMPED, r.UNSTAMPED, r.STRANGER)
"""Tallies that are counts; each has the place of the first beside it."""


@dataclass(frozen=True, slots=True)
class Block:
    """What the blocks of a pcapng file have said so far, beside the interfaces."""

    order: Order
    section: int
    section_at: int
    foreign: bool
    crowded: bool
    wants_comments: int
    entries: tuple[tuple[int, ...], ...]
    """The interfaces of this section, as the scanner needs them, column by column."""
    drops: tuple[int, ...]
    names: tuple[tuple[bytes, str], ...]
    comments: int
    kept_bytes: int


@dataclass(frozen=True, slots=True)
class Carried:
    """What a reader knows when it has read a file as far as ``at``; the next part goes on from there."""

    at: int = 0
    frames: int = 0
    first_ns: int = -1
    last_ns: int = -1
    damages: int = 0
    said: tuple[str, ...] = ()
    unsaid: int = 0
    tallies: tuple[int, ...] = (0,) * r.TALLIES
    failure: str = ""      # why the operating system would not go on
    done: bool = False       # reading ended before the end of the file: it was more noise than capture
    interfaces: tuple[Interface, ...] = ()
    block: Block | None = None       # of a pcapng file
    assumed: Block | None = None     # what a part of one took for granted at its beginning

    def warnings(self, path: str) -> list[str]:
        """As ``interface.Source.warnings``, for the file so far."""
        return sentences(path, self.said, self.unsaid, self.tallies, self.failure)

    def leads_to(self, part: Carried) -> bool:
        """Whether what a part assumed at its beginning is what is known here."""
        one, other = self.block, part.assumed
        if one is None or other is None:
            return one is other
        texts = replace(one, comments=other.comments, kept_bytes=other.kept_bytes)     # these only add up
        described = _undecorated(self.interfaces) == _undecorated(part.interfaces[: len(self.interfaces)])
        return texts == other and described and not any(one.drops) and _affordable(self._added(part))

    def after(self, part: Carried) -> Carried:
        """What is known after a part that was read by itself (its frames and tallies counted from nothing)."""
        tallies = list(self.tallies)
        for which in ADDED:
            if not tallies[which]:
                tallies[which + 1] = part.tallies[which + 1]
            tallies[which] += part.tallies[which]
        return replace(
            self, at=part.at, frames=self.frames + part.frames, tallies=tuple(tallies),
            first_ns=self.first_ns if self.first_ns >= 0 else part.first_ns,
            last_ns=part.last_ns if part.frames else self.last_ns,
            interfaces=self._described(part), block=self._added(part),
        )

    def _described(self, part: Carried) -> tuple[Interface, ...]:
        """The part's interfaces; what it does not count is what was counted before."""
        before = (*self.interfaces, *part.interfaces[len(self.interfaces):])
        return tuple(
            replace(new, received=old.received if new.received is None else new.received,
                    drops=old.drops if new.drops is None else new.drops)
            for old, new in zip(before, part.interfaces, strict=True))

    def _added(self, part: Carried) -> Block | None:
        if not (self.block and part.block and part.assumed):
            return None
        return replace(part.block, comments=self.block.comments + part.block.comments - part.assumed.comments,
                       kept_bytes=self.block.kept_bytes + part.block.kept_bytes - part.assumed.kept_bytes)


def _undecorated(interfaces: tuple[Interface, ...]) -> list[Interface]:
    return [replace(each, received=None, drops=None) for each in interfaces]


def _affordable(block: Block | None) -> bool:
    """Whether no text would have been left out: then it does not matter which ones came first."""
    return block is not None and (block.comments <= DEFAULT_LIMITS.comments
                                  and block.kept_bytes <= DEFAULT_LIMITS.comment_bytes)
