"""All that is wrong with one file, collected line by line and raised together.

web.yaml:4:9: expected 'protocol' to be tcp, udp or icmp, got 'tpc'; did you mean 'tcp'?
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

from analyzer.clean import BLOCK_LIMIT, clean
from analyzer.errors import ConfigSyntaxError

SHOWN = 100
"""Problems printed of one file; a file of another kind would otherwise fill the screen."""

_CLIP = 60
_COMPARED = 500


class Expected(ValueError):
    """A text that is not what it should be: what was expected, a hint, and where in the text (from 0)."""

    def __init__(self, expected: str, hint: str = "", offset: int = 0) -> None:
        super().__init__(expected)
        self.expected = expected
        self.hint = hint
        self.offset = offset


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The nearest known word as a hint, or nothing; of very many known words only the first are compared."""
    near = get_close_matches(word[:_CLIP], list(islice(known, _COMPARED)), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


class Problems:
    """The problems of one source; raised in the order of its lines."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.found: dict[tuple[int, int, str], None] = {}    # each once: a line may be asked twice
        self.more = 0

    @property
    def full(self) -> bool:
        """Will no further problem be shown?  Then no hint need be looked for."""
        return len(self.found) >= SHOWN

    def add(self, line: int, column: int, expected: str, got: str = "", hint: str = "") -> None:
        """Note a problem; ``line`` and ``column`` count from 1, 0 leaves them out; ``got`` is printed as it stands."""
        if self.full:
            self.more += 1
            return
        where = ":".join([self.source, *(str(n) for n in (line, column) if n)])
        tail = (f", got {got}" if got else "") + (f"; {hint}" if hint else "")
        self.found[line, column, clean(f"{where}: expected {expected}{tail}", BLOCK_LIMIT)] = None

    def stop(self, line: int, column: int, expected: str, got: str = "", hint: str = "") -> ConfigSyntaxError:
        """The error to raise where reading cannot go on: all problems so far, and this one."""
        self.add(line, column, expected, got, hint)
        return ConfigSyntaxError(self._lines())

    def raise_if_any(self) -> None:
        """Raise ``ConfigSyntaxError`` with everything that was found."""
        if self.found:
            raise ConfigSyntaxError(self._lines())

    def _lines(self) -> list[str]:
        lines = [text for _, _, text in sorted(self.found)]
        return lines + ([f"{self.source}: and {self.more} more problems"] if self.more else [])
