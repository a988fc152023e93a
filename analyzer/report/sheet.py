"""Lines for a terminal: wrapped text, lists, pairs, and commands that stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

MOST_WIDTH = 110
"""Longer lines are hard to read, however wide the terminal is."""


class Sheet:
    """One console and the few ways in which a report writes on it."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = min(console.width, MOST_WIDTH)

    def text(self, text: str, style: str = "", indent: int = 0) -> None:
        """Wrapped text."""
        from rich.padding import Padding  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        self.console.print(Padding(Text(text, style=style), (0, 0, 0, indent), expand=False), width=self.width)

    def bullet(self, text: str, indent: int = 2) -> None:
        """One item of a list; its further lines begin below its first word."""
        from rich.padding import Padding  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        item = Table.grid()
        item.add_column(width=2)
        item.add_column(overflow="fold")
        item.add_row(Text("-"), Text(text))
        self.console.print(Padding(item, (0, 0, 0, indent), expand=False), width=self.width)

    def blank(self) -> None:
        """An empty line."""
        self.console.print()

    def raw(self, line: str, style: str = "") -> None:
        """One line as it is, however long."""
        self.console.out(line, style=style or None, highlight=False)

    def head(self, text: str) -> None:
        """A heading behind an empty line."""
        self.blank()
        self.text(text, "bold underline")

    def pairs(self, rows: Iterable[tuple[str, str]]) -> None:
        """Labels and values; empty values are left out."""
        kept = [(label, value) for label, value in rows if value]
        if not kept:
            return
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for label, value in kept:
            table.add_row(Text(f"  {label}", style="dim"), Text(value))
        self.console.print(table, width=self.width)

    def commands(self, commands: Iterable[str]) -> None:
        """Commands at the left edge, each line as it is."""
        for command in commands:
            for line in command.split("\n"):
                self.raw(line, "bold")
