"""Workers of a dask cluster that read parts and follow shards; see ``run.Workers``.

What a part holds stays on the worker that read it (dask moves it, and spills it
to disk); only the facts of a part come here.  A worker that dies takes its parts
with it, and dask has them read again elsewhere.  Each part says which version
read it, and with which kernels: another version than ours is refused by name,
plain Python is said, for it gives the same answer and only later.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from importlib import import_module
from types import TracebackType
from typing import Any, Self

from analyzer.errors import CaptureError, ToolError
from analyzer.flow.timeouts import Limits
from analyzer.scale.follow import Numbering, Piece, follow
from analyzer.scale.part import PartRead, Segment, Span, read_part
from analyzer.scale.run import Followed, OctetsOf
from analyzer.scale.spool import Spool
from analyzer.tables import Table
from analyzer.version import VERSION

AHEAD = 4
"""Parts that are under way for each thread of the cluster."""
RETRIES = 2
"""So often a part is tried again where a worker could not open its file."""
SECONDS = "30s"
"""How long a scheduler may take to answer at first."""

Held = list[Table]
"""A part's columns, by segment: on a worker."""


def read_on_worker(number: int, span: Span) -> tuple[PartRead, Held]:
    """On a worker: read one part.  A file that cannot be opened is tried again."""
    held: Held = []

    def keep(table: Table) -> object:
        held.append(table)
        return number, len(held) - 1

    try:
        read = read_part(span, keep)
    except CaptureError as error:
        raise type(error)(f"{error} (on the worker {_worker()})") from error
    read.worker = _worker()
    return read, held


def facts_of(both: tuple[PartRead, Held]) -> PartRead:
    """On a worker: what is sent home of a part."""
    return both[0]


def shard_of(both: tuple[PartRead, Held], shard: int | None) -> Held:
    """On a worker: one shard's packets (None: all) of each segment of a part."""
    read, held = both
    return [_rows(table, segment, shard) for table, segment in zip(held, read.segments, strict=True)]


def _rows(table: Table, segment: Segment, shard: int | None) -> Table:
    begin, end = (0, segment.begins[-1]) if shard is None else (segment.begins[shard], segment.begins[shard + 1])
    return {name: column[begin:end] for name, column in table.items()}


class _Brought:
    """A ``follow.Loader`` over what dask brought to this worker: one shard's packets, by number of the part."""

    def __init__(self, packets: dict[int, Held]) -> None:
        self._packets = packets

    def packets(self, where: object, begin: int, end: int) -> Table:
        del begin, end       # it is one shard's alone
        assert isinstance(where, tuple)
        part, segment = where
        return self._packets[part][segment]

    def numbering(self, where: object) -> Numbering:
        assert isinstance(where, Numbering)
        return where


def follow_on_worker(
    pieces: Sequence[Piece], shard: int | None, capture: int, limits: Limits, parts: Sequence[int],
    packets: Sequence[Held],
) -> tuple[Table, int, bool]:
    """On a worker: follow one shard; ``packets`` are those of ``parts``."""
    return follow(pieces, shard, capture, _Brought(dict(zip(parts, packets, strict=True))), limits)


def itself(what: Sequence[Piece]) -> Sequence[Piece]:
    """On a worker: what every shard needs is sent to the cluster once."""
    return what


def facts_of_worker() -> tuple[str, bool]:
    """On a worker: its version of replypath, and whether it has the compiled kernels."""
    from analyzer.addresses import AddressBook  # noqa: PLC0415 - sent by name, imported there
    from analyzer.flow.tracker import FlowTracker  # noqa: PLC0415
    from analyzer.wire.decode import COMPILED  # noqa: PLC0415

    return VERSION, COMPILED and FlowTracker(0, AddressBook()).compiled


def _worker() -> str:
    from distributed import get_worker  # noqa: PLC0415 - only on a worker

    return str(get_worker().address)


class Cluster:
    """The workers of the scheduler at ``address`` (``tcp://scheduler:8786``); a context manager.

    ``ToolError`` where no scheduler answers, no worker is there, or a worker has
    another version of replypath.
    """

    def __init__(self, address: str, folder: str) -> None:
        try:
            distributed: Any = import_module("distributed")    # an extra, and half a second
        except ImportError as error:
            raise ToolError("--cluster needs dask.distributed; install it with: pip install 'replypath[cluster]'"
                            ) from error
        try:
            self._client: Any = distributed.Client(address, timeout=SECONDS, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise ToolError(f"{address}: no dask scheduler answers there ({error}); expected for example "
                            "tcp://scheduler:8786") from error
        self._spool = Spool(folder, "cluster")
        self._held: dict[int, Any] = {}      # by number of the part: its future
        self._numbers = 0
        self.remarks = self._checked(address)

    @property
    def threads(self) -> int:
        """Parts that the workers can read at once."""
        return max(1, int(sum(self._client.nthreads().values())))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._held.clear()
        self._client.close()

    def read(self, spans: Sequence[Span], told: OctetsOf) -> Iterator[PartRead]:
        """As ``run.Workers``."""
        waiting: deque[tuple[int, Any]] = deque()
        ahead = AHEAD * self.threads
        taken = 0
        for sent in range(len(spans) + ahead):
            if sent < len(spans):
                waiting.append(self._sent(spans[sent]))
            if waiting and sent >= ahead - 1:
                read = self._taken(*waiting.popleft())
                told(taken, None)
                taken += 1
                yield read

    def read_again(self, span: Span) -> PartRead:
        """As ``run.Workers``."""
        return self._taken(*self._sent(span))

    def keep(self, what: Numbering) -> object:
        """As ``run.Workers``: numberings travel with the pieces."""
        return what

    def follow(self, pieces: Sequence[Piece], shards: Sequence[int | None], capture: int, limits: Limits,
               ) -> Iterator[Followed]:
        """As ``run.Workers``; the parts are let go of when all shards have been followed."""
        parts = sorted({where[0] for where in (piece.where for piece in pieces) if isinstance(where, tuple)})
        every = self._client.submit(itself, list(pieces), pure=False)
        futures = []
        for shard in shards:
            packets = [self._client.submit(shard_of, self._held[part], shard, pure=False) for part in parts]
            futures.append(self._client.submit(follow_on_worker, every, shard, capture, limits, parts, packets,
                                               pure=False, priority=10))
        while futures:
            table, evicted, compiled = self._result(futures.pop(0))
            yield self._spool.keep(table), evicted, compiled
        for part in parts:
            del self._held[part]

    def flows(self, shards: Sequence[object]) -> Table:
        """As ``run.Workers``."""
        return self._spool.merged(shards)

    def _sent(self, span: Span) -> tuple[int, Any]:
        number, self._numbers = self._numbers, self._numbers + 1
        held = self._client.submit(read_on_worker, number, span, pure=False, retries=RETRIES)
        self._held[number] = held
        return number, self._client.submit(facts_of, held, pure=False)

    def _taken(self, number: int, facts: Any) -> PartRead:  # noqa: ANN401 - dask has no types
        read = self._result(facts)
        assert isinstance(read, PartRead)
        if read.version != VERSION:
            raise ToolError(f"{read.span.path}: the worker {read.worker} has replypath {read.version}; this is "
                            f"{VERSION}: install the same version on every worker")
        if not read.segments:
            del self._held[number]
        return read

    def _result(self, future: Any) -> Any:  # noqa: ANN401 - dask has no types
        from distributed import KilledWorker  # noqa: PLC0415 - an extra
        from distributed.client import FutureCancelledError  # noqa: PLC0415

        try:
            return future.result()
        except KilledWorker as error:
            raise ToolError(f"the cluster: a part took several workers with it ({error}); give them more memory, or "
                            "fewer threads each") from error
        except (FutureCancelledError, OSError, TimeoutError) as error:
            raise ToolError(f"the cluster: the scheduler has gone ({error}); start it and run this again") from error

    def _checked(self, address: str) -> tuple[str, ...]:
        """Every worker must have our version; which ones have no compiled kernels is worth a sentence."""
        try:
            self._client.wait_for_workers(1, timeout=SECONDS)
        except TimeoutError as error:
            raise ToolError(f"{address}: the scheduler has no worker; start one with: dask worker {address}") from error
        facts = self._client.run(facts_of_worker)
        others = [f"{worker} has {version}" for worker, (version, _) in facts.items() if version != VERSION]
        if others:
            raise ToolError(f"{address}: {'; '.join(others)}; this is replypath {VERSION}: install the same version "
                            "on every worker")
        plain = [worker for worker, (_, compiled) in facts.items() if not compiled]
        return tuple(f"the worker {each} has no compiled kernels: same answers, many times slower" for each in plain)

