"""Captures read by several processes of this machine within an amount of memory, or by the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from analyzer.balance.mapping import Mapping
from analyzer.capture.limits import MIB
from analyzer.flow.timeouts import DEFAULT, Limits
from analyzer.reading import Read
from analyzer.reading import read_captures as read_alone
from analyzer.scale.part import SEGMENT_FRAMES
from analyzer.scale.plan import PART_BYTES, is_file, plan
from analyzer.scale.processes import Processes
from analyzer.scale.run import Told, nobody, read_captures
from analyzer.scale.spool import PROCESS_BYTES, private_folder
from analyzer.scale.state import open_state

WORTH_BYTES = 128 * MIB
"""Captures smaller than this are read before several processes have started and handed over what they read."""

FRAME_BYTES = 300
"""Octets that a frame needs while its segment is divided: the columns three times over, and the decoder's."""
FLOW_BYTES = 1500
"""Octets that a live flow needs at most, with its row."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a reading is done: processes; octets of memory for all of them (0 = not stated); a folder to resume from."""

    jobs: int = 1
    memory: int = 0
    state: str = ""
    part_bytes: int = PART_BYTES
    worth_bytes: int = WORTH_BYTES


def read_locally(captures: Iterable[str | Path], mapping: Mapping, wanted: Wanted, told: Told = nobody) -> Read:
    """As ``reading.read_captures``, with the same result, by several processes where that is faster.

    With ``memory`` everything that does not fit goes to files; only more
    connections at once than fit are let go early, which the result says.  With
    ``state`` what was read stays in that folder until ``state.remove``.
    """
    arguments = list(captures)
    jobs, memory = wanted.jobs, wanted.memory
    points, shards = plan(arguments, jobs, wanted.part_bytes)
    files = [file for point in points for file in point.files]
    small = sum(file.octets for file in files) < wanted.worth_bytes and not (memory or wanted.state)
    # a pipe is read once, by the process that has it
    if small or not all(is_file(file.path) for file in files):
        return read_alone(arguments, mapping)
    folder = private_folder()
    state = open_state(wanted.state, points, shards, memory) if wanted.state else None
    with Processes(jobs, str(state or folder), segment_frames=segment_frames(jobs, memory),
                   resume=state is not None) as workers:
        read = read_captures(points, shards, workers, mapping, flow_limits(jobs, memory), told)
    if memory:
        database = max(64 * MIB, memory - 3 * PROCESS_BYTES)
        read.observed = replace(read.observed, memory_bytes=database, spill_folder=str(Path(folder) / "spill"))
    return read


def read_on_cluster(
    captures: Iterable[str | Path], mapping: Mapping, address: str, told: Told = nobody,
) -> tuple[Read, tuple[str, ...]]:
    """As ``reading.read_captures``, by the workers of a dask scheduler; and what is to be said of them."""
    from analyzer.scale.cluster import Cluster  # noqa: PLC0415 - an extra

    with Cluster(address, private_folder()) as workers:
        points, shards = plan(list(captures), workers.threads)
        return read_captures(points, shards, workers, mapping, told=told), workers.remarks


def segment_frames(jobs: int, memory: int) -> int:
    """How many frames a process divides at once."""
    if not memory:
        return SEGMENT_FRAMES
    each = memory // (jobs + 1) - PROCESS_BYTES
    return max(16_384, min(SEGMENT_FRAMES, each // FRAME_BYTES))


def flow_limits(jobs: int, memory: int) -> Limits:
    """How many flows a process follows at once."""
    if not memory:
        return DEFAULT
    each = memory // (jobs + 1) - PROCESS_BYTES
    return replace(DEFAULT, live_flows=max(10_000, min(DEFAULT.live_flows, each // 2 // FLOW_BYTES)))
