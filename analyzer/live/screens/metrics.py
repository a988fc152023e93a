"""Numbers for Prometheus: on a local port, or as a text file for node_exporter's textfile collector."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer.errors import ConfigError, OutputError
from analyzer.live.events import Event, Found, Mended, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

FILE_EVERY_S = 15.0
_PLACE = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]]+):)?(?P<port>\d{1,5})")


def place(text: str) -> tuple[str, int]:
    """``9105`` or ``127.0.0.1:9105``; without an address this host only.  ``ConfigError`` where it is neither."""
    match = _PLACE.fullmatch(text)
    if match is None or not 0 <= int(match["port"]) <= 65535:
        raise ConfigError(f"--metrics {text}: expected PORT or ADDRESS:PORT")
    return (match["host"] or "127.0.0.1").strip("[]"), int(match["port"])


class Metrics:
    """A ``session.Screen``: keeps the last status, from which every scrape is answered."""

    def __init__(self) -> None:
        from prometheus_client import CollectorRegistry  # noqa: PLC0415 - only where it is asked for

        self.registry: CollectorRegistry = CollectorRegistry()
        self.registry.register(self)
        self._status = Status()
        self._announced: dict[tuple[str, str, str], int] = {}
        self._mended = 0
        self._file: Path | None = None
        self._written = 0.0
        self._say: Callable[[str], None] = lambda _: None
        self._end: Callable[[], None] = lambda: None

    def serve(self, host: str, port: int) -> int:
        """Answer on a port (0: any); which one it is.  ``ConfigError`` where the port cannot be had."""
        from prometheus_client import start_http_server  # noqa: PLC0415

        try:
            server, thread = start_http_server(port, host, self.registry)
        except OSError as error:
            raise ConfigError(f"--metrics {host}:{port}: cannot listen there: {error.strerror or error}") from None

        def end() -> None:
            server.shutdown()
            server.server_close()
            thread.join(5)

        self._end = end
        return int(server.server_address[1])

    def write_to(self, path: str, say: Callable[[str], None]) -> None:
        """Keep a text file up to date; ``OutputError`` where it cannot be written at all."""
        self._file, self._say = Path(path), say
        self._write(first=True)

    def event(self, event: Event) -> None:
        """As ``session.Screen``."""
        if isinstance(event, Found) and event.news == "new":
            key = (event.finding.rule, event.finding.severity.value, event.finding.cause.value)
            self._announced[key] = self._announced.get(key, 0) + 1
        if isinstance(event, Mended):
            self._mended += 1

    def status(self, status: Status) -> None:
        """As ``session.Screen``."""
        self._status = status
        if self._file is not None and time.monotonic() - self._written >= FILE_EVERY_S:
            self._write()

    def close(self) -> None:
        """The last numbers are in the file, the port is free."""
        if self._file is not None:
            self._write()
        self._end()

    def collect(self) -> Iterator[Metric]:
        """What prometheus_client asks for."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        status = self._status
        frames = CounterMetricFamily("replypath_frames", "Frames captured", labels=["point"])
        for point, count in list(status.points):
            frames.add_metric([point], count)
        yield frames
        yield CounterMetricFamily("replypath_lost_frames", "Frames that the capturing side lost", value=status.lost)
        yield GaugeMetricFamily("replypath_flows", "Flows in the window", value=status.flows)
        yield GaugeMetricFamily("replypath_waiting_batches", "Batches read and not yet decoded", value=status.waiting)
        yield GaugeMetricFamily("replypath_ring_bytes", "Octets of packets kept on disk", value=status.kept_bytes)
        outcomes = CounterMetricFamily("replypath_connections", "Connections by outcome", labels=["outcome"])
        for outcome, count in sorted(status.connections.items()):
            outcomes.add_metric([outcome], count)
        yield outcomes
        found = CounterMetricFamily("replypath_findings", "Faults announced", labels=["rule", "severity", "cause"])
        for labels, count in sorted(self._announced.items()):
            found.add_metric(list(labels), count)
        yield found
        open_now = sum(1 for known in list(status.known) if not known.mended)
        yield GaugeMetricFamily("replypath_open_findings", "Faults announced and not seen mended", value=open_now)
        yield CounterMetricFamily("replypath_mended", "Faults seen mended", value=self._mended)

    def _write(self, *, first: bool = False) -> None:
        from prometheus_client import write_to_textfile  # noqa: PLC0415

        assert self._file is not None
        self._written = time.monotonic()
        try:
            write_to_textfile(str(self._file), self.registry)   # beside it, then renamed
        except OSError as error:
            sentence = f"{self._file}: metrics cannot be written: {error.strerror or error}"
            if first:
                raise OutputError(sentence) from None
            self._say(sentence)
            self._file = None
