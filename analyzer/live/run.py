"""A live run from its options to its exit: taps and screens are set up, the session runs, reports are written."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from analyzer import export
from analyzer.balance.mapping import EMPTY, Mapping
from analyzer.confine import here, places
from analyzer.diagnose.finding import Diagnosis
from analyzer.diagnose.ruledoc import Rule
from analyzer.errors import ConfigError, OutputError
from analyzer.live import dissect
from analyzer.live.kept.ring import Ring
from analyzer.live.kept.save import save
from analyzer.live.screens import hook, metrics
from analyzer.live.screens.lines import Lines
from analyzer.live.screens.ndjson import JsonLines
from analyzer.live.session import Screen, Session, Settings
from analyzer.live.taps.choose import taps_for
from analyzer.live.taps.pipe import Pipe
from analyzer.live.taps.tap import Tap
from analyzer.live.window import Bounds
from analyzer.network.host import Host
from analyzer.reading import points as named_points
from analyzer.report.output import formats
from analyzer.units import SECOND_NS
from analyzer.wire.decode import COMPILED

MIB = 1 << 20
NDJSON = "ndjson"
INTERRUPTED = 130
Say = Callable[[str], None]


@dataclass(slots=True)
class Wanted:
    """The options of ``replypath live``, by their names."""

    pipes: Sequence[str] = ()
    interfaces: Sequence[str] = ()
    mapping: Mapping = EMPTY
    hosts: dict[str, Host] = field(default_factory=dict)
    rules: Sequence[Rule] | None = None
    systems: Sequence[str] = ()
    bpf: str = ""
    snap: int = 256
    duration_s: float | None = None
    packets: int | None = None
    until_finding: bool = False
    save: str | None = None
    ring_mib: int = 256
    window_s: int = 600
    reports: Sequence[str] = ()
    force: bool = False
    output: str = "terminal"
    on_finding: str | None = None
    metrics: str | None = None
    metrics_file: str | None = None
    dissect: bool = False
    quiet: bool = False
    command: str = ""
    confined: bool = False


def run(wanted: Wanted, say: Say) -> Diagnosis:
    """The whole run; ``say`` tells a person something beside the report.  ``AnalyzerError`` where it cannot begin."""
    check(wanted)
    if not COMPILED and not wanted.quiet:
        say("the compiled kernels are not installed: same answers, many times slower")
    with ExitStack() as stack:
        picture = stack.enter_context(ExitStack())   # gives the terminal back before the report comes
        runner = _runner(wanted, say, stack)
        ring = Ring(Path(wanted.save), wanted.ring_mib * MIB) if wanted.save else None
        if ring is not None:
            stack.callback(_leave_ring, ring, say)
        taps, remarks = _taps(wanted)
        stack.callback(_end, taps)
        if wanted.confined:   # all that needs rights has been started; no thread has
            stack.callback(places.swept, _confine(wanted))
        screens = _screens(wanted, say, stack, picture)
        if runner is not None:
            runner.start()
            screens.append(runner)
        session = Session(taps, _settings(wanted), screens, ring)
        with _interrupts(session), picture:
            diagnosis = session.run(remarks)
        if ring is not None and wanted.save:
            diagnosis = _saved(ring, session, diagnosis, wanted, say)
        _write(diagnosis, wanted, screens, say)
        return diagnosis


def _confine(wanted: Wanted) -> str:
    """Keep this process to its pipes and outputs; a folder for temporary files."""
    written = [path for path in (wanted.save, wanted.metrics_file, *wanted.reports) if path]
    ports = [metrics.place(wanted.metrics)[1]] if wanted.metrics else []
    return here.enter([path for path in wanted.pipes if path != "-"], written, ports)


def _end(taps: Sequence[Tap]) -> None:
    for tap in taps:
        tap.kill()


def check(wanted: Wanted) -> None:
    """What is wrong with the options is said before the work."""
    if not wanted.pipes and not wanted.interfaces:
        raise ConfigError("nothing to capture: name an interface with -i, or a pipe (- is standard input)")
    if wanted.bpf and not wanted.interfaces:
        raise ConfigError("--filter is for interfaces (-i); give it to the tcpdump that writes into the pipe")
    if wanted.output != NDJSON and wanted.output not in formats():
        raise ConfigError(f"--format {wanted.output}: is none of {NDJSON}, {', '.join(formats())}")
    if wanted.dissect and not wanted.save:
        raise ConfigError("--dissect reads the saved packets: give --save FILE as well")
    for report in wanted.reports:
        if export.is_capture(report):
            raise OutputError(f"{report}: the packets of a live run are written by --save FILE, with comments")
        export.check(report, force=wanted.force)
    if wanted.save and not wanted.force and Path(wanted.save).exists():
        raise OutputError(f"{wanted.save}: exists; give another name, or --force to replace it")
    if wanted.on_finding:
        hook.command(wanted.on_finding)
    if wanted.metrics:
        metrics.place(wanted.metrics)


def _settings(wanted: Wanted) -> Settings:
    return Settings(
        mapping=wanted.mapping, hosts=wanted.hosts, rules=wanted.rules, systems=tuple(wanted.systems) or None,
        command=wanted.command, duration_s=wanted.duration_s, packets=wanted.packets,
        until_finding=wanted.until_finding, bounds=Bounds(age_ns=wanted.window_s * SECOND_NS),
    )


def _taps(wanted: Wanted) -> tuple[list[Tap], list[str]]:
    taps: list[Tap] = []
    for vantage, paths, by_user in named_points(wanted.pipes):
        if len(paths) > 1:
            raise ConfigError(f"{vantage}: names {len(paths)} pipes; expected another name for each")
        taps.append(Pipe(paths[0], vantage, vantage if by_user else ""))
    if not wanted.interfaces:
        return taps, []
    children, remarks = taps_for(wanted.interfaces, wanted.bpf, wanted.snap)
    return [*taps, *children], remarks


def _runner(wanted: Wanted, say: Say, stack: ExitStack) -> hook.Hook | None:
    """Who runs ``--on-finding``."""
    if not wanted.on_finding:
        return None
    runner = hook.Hook(hook.command(wanted.on_finding), say)
    stack.callback(runner.close)
    return runner


def _screens(wanted: Wanted, say: Say, stack: ExitStack, picture: ExitStack) -> list[Screen]:
    screens: list[Screen] = []
    if wanted.output == NDJSON:
        screens.append(JsonLines(sys.stdout))
    elif not wanted.quiet:
        screens.append(_for_people(picture))
    if wanted.metrics or wanted.metrics_file:
        numbers = metrics.Metrics()
        stack.callback(numbers.close)
        if wanted.metrics:
            host, port = metrics.place(wanted.metrics)
            port = numbers.serve(host, port)
            if not wanted.quiet:
                say(f"metrics on http://{host}:{port}/metrics")
        if wanted.metrics_file:
            numbers.write_to(wanted.metrics_file, say)
        screens.append(numbers)
    return screens


def _for_people(picture: ExitStack) -> Screen:
    """The dashboard on a terminal that can move its cursor, else lines."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") == "dumb":
        return Lines(sys.stderr)
    from rich.console import Console  # noqa: PLC0415 - start-up time

    from analyzer.live.screens.dashboard import Dashboard  # noqa: PLC0415

    dashboard = Dashboard(Console(stderr=True, highlight=False, markup=False, emoji=False))
    picture.callback(dashboard.close)
    return dashboard


@contextmanager
def _interrupts(session: Session) -> Iterator[None]:
    """Once (or a polite kill) ends with the report, twice ends at once."""
    def interrupted(_number: int, _frame: FrameType | None) -> None:
        if session.stopping:
            _end(session.taps)
            sys.exit(INTERRUPTED)
        session.stop()

    before = {number: signal.signal(number, interrupted) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _saved(ring: Ring, session: Session, diagnosis: Diagnosis, wanted: Wanted, say: Say) -> Diagnosis:
    assert wanted.save is not None
    found = save(ring, session.points, diagnosis, wanted.save, force=wanted.force)
    ring.remove()
    if not wanted.quiet:
        lost = f"; {ring.lost} frames could not be kept" if ring.lost else ""
        say(f"packets written to {wanted.save} ({os.path.getsize(wanted.save):,} octets){lost}")   # noqa: PTH202
    return found


def _leave_ring(ring: Ring, say: Say) -> None:
    """What was captured and not saved is not thrown away."""
    ring.close()
    if ring.folder.exists():
        if ring.kept_bytes:
            say(f"the captured packets are still in {ring.folder}")
        else:
            ring.remove()


def _write(diagnosis: Diagnosis, wanted: Wanted, screens: Sequence[Screen], say: Say) -> None:
    writer = None if wanted.output == NDJSON else formats()[wanted.output]
    if wanted.save and (writer is None or writer.OCTETS or any(map(export.wants_octets, wanted.reports))):
        diagnosis = export.with_octets(diagnosis)
    for screen in screens:
        if isinstance(screen, JsonLines):
            screen.report(diagnosis)
    if writer is not None:
        writer.write(diagnosis, sys.stdout.buffer if getattr(writer, "BINARY", False) else sys.stdout)
        if wanted.dissect and wanted.save:
            for line in dissect.lines(wanted.save, dissect.cited(diagnosis)):
                sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    for report in wanted.reports:
        export.write(diagnosis, report, force=wanted.force)
        if not wanted.quiet:
            say(f"report written to {report}")
