"""Captures read by several processes of this machine, within an amount of memory."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from analyzer.balance.mapping import Mapping
from analyzer.capture.limits import MIB
from analyzer.flow.timeouts import DEFAULT, Limits
from analyzer.reading import Read
from analyzer.reading import read_captures as read_alone
from analyzer.scale.part import SEGMENT_FRAMES
from analyzer.scale.plan import PART_BYTES, is_file, plan
from analyzer.scale.processes import Processes
from analyzer.scale.run import read_captures

WORTH_BYTES = 32 * MIB
"""Captures smaller than this are read before the processes have started."""

FRAME_BYTES = 300
"""Octets that a frame needs while its segment is divided: the columns three times over, and the decoder's."""
FLOW_BYTES = 1500
"""Octets that a live flow needs at most, with its row."""
PROCESS_BYTES = 80 * MIB
"""Octets of a process before it has read anything."""


def read_locally(
    captures: Iterable[str | Path], mapping: Mapping, jobs: int, memory: int = 0, *, part_bytes: int = PART_BYTES,
    worth_bytes: int = WORTH_BYTES,
) -> Read:
    """As ``reading.read_captures``, with the same result, by ``jobs`` processes where that is faster.

    With ``memory`` (octets, for all processes together) everything that does not
    fit goes to files; only more connections at once than fit are let go early,
    which the result says.
    """
    arguments = list(captures)
    points, shards = plan(arguments, jobs, part_bytes)
    files = [file for point in points for file in point.files]
    small = sum(file.octets for file in files) < worth_bytes and not memory
    # a pipe is read once, by the process that has it
    if small or not all(is_file(file.path) for file in files):
        return read_alone(arguments, mapping)
    folder = _folder()
    with Processes(jobs, folder, segment_frames=segment_frames(jobs, memory)) as workers:
        read = read_captures(points, shards, workers, mapping, flow_limits(jobs, memory))
    if memory:
        database = max(64 * MIB, memory - 3 * PROCESS_BYTES)
        read.observed = replace(read.observed, memory_bytes=database, spill_folder=str(Path(folder) / "spill"))
    return read


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


def _folder() -> str:
    """A folder that lives as long as this process: what is mapped from it may be read to the end."""
    private = tempfile.TemporaryDirectory(prefix="replypath-")
    atexit.register(private.cleanup)
    return private.name
