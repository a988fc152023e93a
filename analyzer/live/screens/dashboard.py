"""The terminal dashboard: rates, services, what is wrong, and the last broken handshake as a ladder."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from analyzer.clean import clean
from analyzer.live.events import Event, Found, Known, Mended, Status
from analyzer.live.screens.lines import lines_of
from analyzer.report.ladder import ladder_lines
from analyzer.report.sentences import endpoint, listed

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.table import Table
    from rich.text import Text

REFRESH_S = 0.5
SHOWN = 6
"""Services and findings that are shown; the rest is counted."""
_STYLE = {"error": "bold red", "warning": "yellow", "info": "cyan"}


class Dashboard:
    """A ``session.Screen`` on a terminal; events scroll by above it."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live  # noqa: PLC0415 - start-up time

        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False,
                          redirect_stderr=False)
        self._last: Found | Mended | None = None
        self._shown = 0.0
        self._live.start()

    def event(self, event: Event) -> None:
        """As ``session.Screen``."""
        from rich.text import Text  # noqa: PLC0415

        if isinstance(event, Found):
            self._last = event
            style = _STYLE[event.finding.severity.value]
        else:
            style = "bold green" if isinstance(event, Mended) else ""
        for line in lines_of(event):
            self._console.print(Text(line, style=style), soft_wrap=True)

    def status(self, status: Status) -> None:
        """As ``session.Screen``."""
        now = time.monotonic()
        if now - self._shown >= REFRESH_S:
            self._shown = now
            self._live.update(self.page(status), refresh=True)

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def page(self, status: Status) -> Group:
        """Everything that is shown."""
        from rich.console import Group  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        points = ", ".join(f"{clean(name)} {count:,}" for name, count in status.points)
        head = (f"{_span(status.elapsed_s)}  {status.rate:,.0f} frames/s  {status.frames:,} frames  "
                f"{status.flows:,} flows in the window ({status.live:,} open)")
        lost = f"  {status.lost:,} LOST" if status.lost else ""
        kept = f"  {status.kept_bytes / 2**20:,.0f} MiB kept" if status.kept_bytes else ""
        behind = f"  {status.waiting} batches behind" if status.waiting > 8 else ""
        parts = [Text(f"\n{head}{lost}{kept}{behind}", style="bold"), Text(f"points: {points or 'nothing yet'}")]
        if status.connections:
            outcomes = ", ".join(f"{count:,} {word}" for word, count in sorted(status.connections.items()))
            parts.append(Text(f"connections: {outcomes}"))
        shown: list[Text | Table] = [*parts, *_services(status), *_findings(status.known)]
        if self._last is not None:
            lines = ladder_lines(self._last.finding.ladder, max(40, min(self._console.width, 110)))
            if lines:
                shown.append(Text(f"\nthe last broken handshake (#{self._last.number}):", style="bold"))
                shown.append(Text("\n".join(lines)))
        return Group(*shown)


def _services(status: Status) -> list[Text | Table]:
    from rich.text import Text  # noqa: PLC0415

    lines = []
    for service in status.services[:SHOWN]:
        reals = listed([clean(endpoint(real)) for real in service.reals], 4)
        lines.append(Text(f"service {clean(endpoint(service.virtual))} -> {reals} ({service.origin})"))
    if len(status.services) > SHOWN:
        lines.append(Text(f"and {len(status.services) - SHOWN:,} more services"))
    return list(lines)


def _findings(known: list[Known]) -> list[Text | Table]:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    if not known:
        return [Text("nothing wrong so far", style="green")]
    table = Table.grid(padding=(0, 2))
    for each in sorted(known, key=lambda one: (bool(one.mended), -one.number))[:SHOWN]:
        finding = each.finding
        state = f"mended: {each.mended:,} good since" if each.mended else f"{each.connections:,} failed"
        table.add_row(
            Text(f"#{each.number}"), Text(f"{finding.rule} {finding.name}", style=_STYLE[finding.severity.value]),
            Text(clean(f"{listed(finding.clients, 2)} -> {endpoint(finding.virtual) or '?'}")),
            Text(clean(f"change {listed(finding.hosts, 2)}" if finding.hosts else "")),
            Text(state, style="green" if each.mended else "red"),
        )
    more = len(known) - SHOWN
    return [table, *([Text(f"and {more:,} more findings")] if more > 0 else [])]


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
