"""Processes of this machine that read parts and follow shards; see ``run.Workers``."""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from analyzer.errors import ToolError
from analyzer.flow.timeouts import Limits
from analyzer.scale.follow import Numbering, Piece, follow
from analyzer.scale.part import SEGMENT_FRAMES, PartRead, Span, read_part
from analyzer.scale.run import Followed, OctetsOf
from analyzer.scale.spool import Spool
from analyzer.tables import Table

AHEAD = 2
"""Tasks that wait for each process, beside the one it works on."""
SECONDS = 0.5
"""Between two looks at how far the processes are."""
DEATHS = 3
"""So often the processes are started again after one of them has died."""

PATIENCE_SECONDS = 5.0
"""So long a process may finish its part after an error or Ctrl-C: parts that are finished count with --state."""

Answer = TypeVar("Answer")


def read_task(folder: str, number: int, span: Span, segment_frames: int, resume: bool) -> PartRead:
    """Read one part in a process of its own; ``resume``: unless a run before has read it."""
    done = Path(folder) / f"part-{number}.read"
    if resume and done.exists():
        read = pickle.loads(done.read_bytes())  # noqa: S301 - written below, into a folder that only we can write
        if isinstance(read, PartRead):
            return read
    progress = Path(folder) / f"part-{number}.octets"
    read = read_part(span, Spool(folder, f"part-{number}").keep, lambda octets: _say(progress, octets),
                     segment_frames=segment_frames)
    if resume:
        half = done.with_suffix(".half")
        half.write_bytes(pickle.dumps(read))
        half.replace(done)
    return read


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A process that is started here does not hear Ctrl-C: that is for the one that waits."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _say(progress: Path, octets: int) -> None:
    progress.write_text(str(octets))


def follow_task(
    folder: str, pieces: Sequence[Piece], shard: int | None, capture: int, limits: Limits,
) -> Followed:
    """Follow one shard in a process of its own."""
    spool = Spool(folder, f"flows-{capture}-{'all' if shard is None else shard}")
    flows, evicted, compiled = follow(pieces, shard, capture, spool, limits)
    return spool.keep(flows), evicted, compiled


class Processes:
    """``jobs`` processes and a ``folder`` for what they hand to one another; a context manager."""

    def __init__(self, jobs: int, folder: str, *, segment_frames: int = SEGMENT_FRAMES, resume: bool = False) -> None:
        self._jobs, self.folder, self._segment_frames, self._resume = jobs, folder, segment_frames, resume
        self._numbering = Spool(self.folder, "numbering")
        self._again = self._points = self._taken = 0
        self._deaths = 0
        self._pool = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        processes = list(self._pool._processes.values()) if error else []   # noqa: SLF001 - no other way to end them
        self._pool.shutdown(wait=not error, cancel_futures=True)
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            for process in processes:
                process.join(max(0.0, until - time.monotonic()))
        finally:      # also after a second Ctrl-C
            for process in processes:
                process.terminate()

    def read(self, spans: Sequence[Span], told: OctetsOf) -> Iterator[PartRead]:
        """As ``run.Workers``."""
        calls = ((self.folder, number, span, self._segment_frames, self._resume) for number, span in enumerate(spans))
        self._taken = 0
        for read in self._each(read_task, calls, lambda: self._hear(self._taken, told)):
            told(self._taken, None)
            self._taken += 1
            yield read

    def read_again(self, span: Span) -> PartRead:
        """As ``run.Workers``."""
        self._again += 1
        return read_part(span, Spool(self.folder, f"again-{self._again}").keep, segment_frames=self._segment_frames)

    def keep(self, what: Numbering) -> object:
        """As ``run.Workers``."""
        return self._numbering.keep(what)

    def follow(self, pieces: Sequence[Piece], shards: Sequence[int | None], capture: int, limits: Limits,
               ) -> Iterator[Followed]:
        """As ``run.Workers``."""
        return self._each(follow_task, ((self.folder, pieces, shard, capture, limits) for shard in shards))

    def flows(self, shards: Sequence[object]) -> Table:
        """As ``run.Workers``; the columns are mapped from a file, so they need no memory of their own."""
        whole = Spool(self.folder, f"point-{self._points}")
        self._points += 1
        return whole.merged(shards)

    def _started(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(self._jobs, multiprocessing.get_context("spawn"))

    def _sent(self, task: Callable[..., Answer], call: tuple[Any, ...]) -> Future[Answer]:
        with _undisturbed():      # the pool starts its processes when it is given work
            return self._pool.submit(task, *call)

    def _each(self, task: Callable[..., Answer], calls: Iterable[tuple[Any, ...]],
              meanwhile: Callable[[], None] = lambda: None) -> Iterator[Answer]:
        """The answers in the order of the calls; few are under way at once, and a dead process is replaced."""
        waiting: deque[tuple[tuple[Any, ...], Future[Answer]]] = deque()
        source = iter(calls)
        while True:
            for call in source:
                waiting.append((call, self._sent(task, call)))
                if len(waiting) >= self._jobs * (1 + AHEAD):
                    break
            if not waiting:
                return
            call, future = waiting[0]
            if not wait([future], timeout=SECONDS).done:
                meanwhile()
                continue
            try:
                answer = future.result()
            except BrokenProcessPool:
                self._revive()
                waiting = deque((call, self._sent(task, call)) for call, _ in waiting)
                continue
            waiting.popleft()
            yield answer

    def _hear(self, first: int, told: OctetsOf) -> None:
        """How far the parts are that are being read."""
        for number in range(first, first + self._jobs * (1 + AHEAD)):
            with suppress(OSError, ValueError):
                told(number, int((Path(self.folder) / f"part-{number}.octets").read_text()))

    def _revive(self) -> None:
        """Start again after a process was killed, a few times: what it worked on is done again."""
        self._deaths += 1
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._deaths > DEATHS:
            raise ToolError(
                f"a process of this run has died {self._deaths} times, most likely for want of memory: use fewer "
                "--jobs or a smaller --memory (or of computing time, where REPLYPATH_CPU_SECONDS is set)")
        self._pool = self._started()


