"""What is wrong with the texts of a host, line by line, and raised together.

server1.txt:7: expected an IPv4 or IPv6 address behind 'via', got '10.0.2.300'
"""

from __future__ import annotations

from analyzer.clean import BLOCK_LIMIT, clean, shown
from analyzer.errors import ConfigSyntaxError

SHOWN = 50
"""Problems printed of one text: a text of another kind would otherwise fill the screen."""


class Expected(ValueError):
    """A value that is not what it should be; says what was expected and what stands there."""

    def __init__(self, expected: str, got: object) -> None:
        super().__init__(f"expected {expected}, got {shown(got)}")


class Problems:
    """The problems of one source, in the order in which they were found."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.lines: list[str] = []

    def add(self, line: int, wrong: Expected | str) -> None:
        """Note one; ``line`` counts from 1."""
        self.lines.append(clean(f"{self.source}:{line}: {wrong}", BLOCK_LIMIT))

    def raise_if_any(self) -> None:
        """Raise ``ConfigSyntaxError`` with what was found, clipped to ``SHOWN`` lines."""
        more = len(self.lines) - SHOWN
        if self.lines:
            raise ConfigSyntaxError(
                self.lines[:SHOWN] + ([f"{self.source}: and {more} more problems"] if more > 0 else []))
