"""This very process confined, for a run that needs its rights to begin and none afterwards: ``replypath live``.

What was opened and started before keeps its rights: the capturing program, the
terminal, pipes.  Memory and computing time have no limit here: a run may go on
for days, and its window bounds what it keeps.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from analyzer.confine import landlock, places

POOLS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
"""What the libraries under NumPy read when they are loaded: then they start their threads, which we never use."""


def available() -> bool:
    """Whether this system can confine a process at all."""
    return sys.platform == "linux"


def enter(reads: Iterable[str], writes: Iterable[str], listens: Iterable[int] = ()) -> str:
    """From here on read only ``reads``, create files only beside or in ``writes``, listen only on these TCP ports.

    Returns a folder for temporary files, to be removed with ``places.swept``.  It holds
    for the calling thread and what that one starts: threads that run already
    stay free, so this comes before them (NumPy's are kept from starting by
    ``single_threaded``).
    """
    scratch = places.scratch()
    grants = [*places.system(), *places.inputs(reads), *places.outputs(writes), *places.own(scratch)]
    if scratch:
        os.environ["TMPDIR"], tempfile.tempdir = scratch, None
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    landlock.no_new_privileges()
    landlock.restrict(grants, listens)
    return scratch


@contextmanager
def single_threaded() -> Iterator[None]:
    """Libraries that are loaded inside start no threads; programs that are started later hear nothing of it."""
    before = {name: os.environ.get(name) for name in POOLS}
    os.environ.update(dict.fromkeys(POOLS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
