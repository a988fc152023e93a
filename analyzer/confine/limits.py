"""What a confined child may spend, each limit with the variable of the environment that changes it."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass

from analyzer.errors import ConfigError
from analyzer.limits import amount

MIB = 1024 * 1024
LEAST_MEMORY_BYTES = 1024 * MIB
"""Address space, not memory in use: DuckDB's and NumPy's threads reserve most of it and touch little."""
GRACE_SECONDS = 5
"""Between the signal that ends a child that computes for too long, and the one that it could not catch."""


@dataclass(frozen=True, slots=True)
class Spending:
    """Bounds of one run, as setrlimit(2) takes them."""

    memory_bytes: int
    """Address space of each process; by default three quarters of the machine's memory, and 1 GiB at least."""
    cpu_seconds: int = 3600
    """Computing time of each process; where it is not set, 4 seconds more for each megabyte that is read."""
    file_bytes: int = 64 * 1024 * MIB
    """Size of any file that is written."""


OCTETS_A_SECOND = 250_000
"""Plain Python reads so many octets of the smallest packets, the compiled kernels so many of a well compressed file."""
VARIABLES = {
    "REPLYPATH_MEMORY": "memory_bytes", "REPLYPATH_CPU_SECONDS": "cpu_seconds", "REPLYPATH_FILE_SIZE": "file_bytes",
}
SWITCH = "REPLYPATH_SANDBOX"


def machine_memory() -> int:
    """Octets of memory that this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def spending(input_octets: int = 0) -> Spending:
    """The limits that hold here, for so much to be read.

    ``ConfigError`` where the environment holds something else than an amount.
    """
    said = {field: amount(name) for name, field in VARIABLES.items() if os.environ.get(name)}
    if said.get("memory_bytes", LEAST_MEMORY_BYTES) < LEAST_MEMORY_BYTES:
        raise ConfigError(f"REPLYPATH_MEMORY: expected at least {LEAST_MEMORY_BYTES // MIB}M, reserved at once")
    default = Spending(max(LEAST_MEMORY_BYTES, machine_memory() * 3 // 4))
    return Spending(
        said.get("memory_bytes", default.memory_bytes),
        said.get("cpu_seconds", default.cpu_seconds + input_octets // OCTETS_A_SECOND),
        said.get("file_bytes", default.file_bytes),
    )


def apply(bounds: Spending) -> None:
    """Hold this process and all its children to ``bounds``; an outer limit that is lower stays."""
    for which, soft, hard in (
        (resource.RLIMIT_AS, bounds.memory_bytes, bounds.memory_bytes),
        (resource.RLIMIT_CPU, bounds.cpu_seconds, bounds.cpu_seconds + GRACE_SECONDS),
        (resource.RLIMIT_FSIZE, bounds.file_bytes, bounds.file_bytes),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        outer = resource.getrlimit(which)[1]
        if outer != resource.RLIM_INFINITY:
            soft, hard = min(soft, outer), min(hard, outer)   # noqa: PLW2901 - the same, held within the outer
        resource.setrlimit(which, (soft, hard))
