"""A process beside ours that signals the capturing program for us, and ends it when we are gone, however that came.

SIGKILL lets nobody tidy up, and dumpcap on a silent interface notices a closed
pipe only when its next packet comes.  The kernel's own way, PR_SET_PDEATHSIG, is
undone where a program gains capabilities as it starts (prctl(2)), as dumpcap
does.  So a child of ours waits at a pipe: an octet that comes is the number of
a signal to send; the end of the pipe, which the kernel sees to, is SIGKILL.  It
holds the program by a pidfd: a number that another process got cannot be meant.

It is forked before this process is confined, and can do nothing else for it.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import NoReturn


class Guard:
    """Stands beside the process ``pid``, a child of ours that runs; ``OSError`` where the kernel has no pidfds."""

    def __init__(self, pid: int) -> None:
        watched = os.pidfd_open(pid)
        reading, self._line = os.pipe()
        self._lock = threading.RLock()   # a signal handler may come while it is held
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._line)
            raise
        else:
            if not self._pid:
                _stand(watched, reading)
        finally:
            os.close(reading)
            os.close(watched)

    def send(self, number: int) -> None:
        """Have the signal sent; after ``close`` nothing."""
        with self._lock, suppress(OSError):
            if self._line >= 0:
                os.write(self._line, bytes([number]))

    def close(self) -> None:
        """The program has ended, or ends now; twice is once."""
        with self._lock:
            line, self._line = self._line, -1
        if line >= 0:
            os.close(line)
            with suppress(OSError):
                os.waitpid(self._pid, 0)


def _stand(watched: int, reading: int) -> NoReturn:
    """In the child: until the pipe ends."""
    try:
        os.setsid()   # neither Ctrl-C nor a kill of the whole group is for it
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        for name in os.listdir("/proc/self/fd"):   # noqa: PTH208 - numbers, not paths
            if int(name) not in {watched, reading}:
                with suppress(OSError):
                    os.close(int(name))
        while octet := os.read(reading, 1):
            signal.pidfd_send_signal(watched, octet[0])
        signal.pidfd_send_signal(watched, signal.SIGKILL)
    except OSError:   # the program has ended
        pass
    finally:
        os._exit(0)


def guard(pid: int) -> Guard | None:
    """A guard for ``pid``, or None where this system cannot have one."""
    try:
        return Guard(pid)
    except (OSError, AttributeError):   # before Linux 5.3; elsewhere
        return None
