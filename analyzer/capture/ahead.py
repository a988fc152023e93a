"""Reading ahead: the next frames are found and decoded by a second thread, while the last ones are still followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator, Iterable
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple, TypeVar

Step = TypeVar("Step")

WORTH_IT_BYTES = 8 << 20
"""Below this a thread has hardly begun before all is read."""


class _End(NamedTuple):
    """No step comes any more, and why."""

    error: BaseException | None


def worth_it(paths: Iterable[str]) -> bool:
    """Whether reading ahead is of use: two processors, and files that are large and keep nobody waiting."""
    try:
        modes = [os.stat(path) for path in paths]   # noqa: PTH116 - "-" is no path
        processors = len(os.sched_getaffinity(0))
    except (OSError, ValueError, AttributeError):    # standard input, a remote file; opening it says what is wrong
        return False
    return (processors > 1 and all(stat.S_ISREG(mode.st_mode) for mode in modes)
            and sum(mode.st_size for mode in modes) >= WORTH_IT_BYTES)


def ahead(steps: Generator[Step, None, None], most: int = 2) -> Generator[Step, None, None]:
    """The same steps in the same order, made by a thread that is at most so many of them ahead.

    What goes wrong there is raised here, after the steps before it.  Who stops
    listening (Ctrl-C, an error of his own, ``close``) ends the thread: it
    finishes the step that it is at, closes ``steps``, and is waited for.
    """
    ready: SimpleQueue[Step | _End] = SimpleQueue()
    wanted: SimpleQueue[bool] = SimpleQueue()      # one True for each step that may be made; False: no more
    for _ in range(most):
        wanted.put(True)
    thread = Thread(target=_make, args=(steps, wanted, ready), name="replypath-ahead", daemon=True)
    thread.start()
    try:
        while True:
            step = ready.get()
            if isinstance(step, _End):
                if step.error is not None:
                    raise step.error
                return
            yield step
            del step
            wanted.put(True)
    finally:
        wanted.put(False)
        thread.join()


def _make(steps: Generator[Step, None, None], wanted: SimpleQueue[bool], ready: SimpleQueue[Step | _End]) -> None:
    """What the thread does."""
    error: BaseException | None = None
    try:
        while wanted.get():
            ready.put(next(steps))
        steps.close()
    except StopIteration:
        pass
    except BaseException as raised:  # noqa: BLE001 - whatever it is, it is raised again where the steps are used
        error = raised
    ready.put(_End(error))
