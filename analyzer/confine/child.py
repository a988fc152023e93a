"""The confined child: forked before anything is read, it does the work; its parent waits and says how it ended.

The child goes on where ``enter`` was called and writes to the same terminal; the
parent never comes back from there, and ends with the child's status.  A child
that dies takes nothing with it but its own unfinished work: outputs are renamed
into place when they are whole.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable
from contextlib import suppress

from analyzer.confine import landlock, limits, places

PARENT_DEATH_SIGNAL = 1    # prctl(2)
COULD_NOT = 2
STOPPED_BY_A_SIGNAL = 128  # a shell's way to say so: 128 and the signal's number
SENT_BY_THE_KERNEL = 0x80  # si_code of Ctrl-C, which the whole foreground has got already
HEARD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

confined = ""
"""What keeps this process in, in words; empty in a process that is free."""


def available() -> bool:
    """Whether this system can confine a child at all."""
    return sys.platform == "linux" and hasattr(os, "fork")


def enter(reads: Iterable[str], writes: Iterable[str]) -> None:
    """Go on in a child that reads only ``reads``, creates files only beside or in ``writes``, and has no network.

    To be called before threads exist and before anything else is read.  The
    interpreter and the system's programs stay readable.  ``ConfigError`` where
    the environment states a limit that is none.
    """
    inputs = places.inputs(reads)
    bounds = limits.spending(places.octets(inputs))
    grants = [*places.system(), *inputs, *places.outputs(writes)]
    sys.stdout.flush()
    sys.stderr.flush()
    signal.pthread_sigmask(signal.SIG_BLOCK, {*HEARD, signal.SIGCHLD})
    scratch = places.scratch()
    parent = os.getpid()
    child = os.fork()
    if child:
        status = _watched(child, bounds)
        places.swept(scratch)
        os._exit(status)
    landlock._libc().prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)   # noqa: SLF001 - the same library handle
    if os.getppid() != parent:
        os._exit(COULD_NOT)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {*HEARD, signal.SIGCHLD})
    _restrict(bounds, grants, scratch)


def _restrict(bounds: limits.Spending, grants: list[landlock.Grant], scratch: str) -> None:
    """In the child: from here on it may do only this."""
    global confined   # noqa: PLW0603 - a property of the process
    if scratch:
        os.environ["TMPDIR"] = scratch
        grants.append((scratch, landlock.WRITE))
    limits.apply(bounds)
    landlock.no_new_privileges()
    abi = landlock.restrict(grants)
    confined = f"Landlock {abi}" if abi else "limits only"


def _watched(child: int, bounds: limits.Spending) -> int:
    """Wait for the child, handing on what is sent to us; its exit status, or ours where it was ended."""
    with suppress(ChildProcessError):
        while True:
            heard = signal.sigwaitinfo({*HEARD, signal.SIGCHLD})
            if heard.si_signo == signal.SIGCHLD:
                ended, status = os.waitpid(child, os.WNOHANG)
                if ended:
                    return _said(os.waitstatus_to_exitcode(status), bounds)
            elif heard.si_code != SENT_BY_THE_KERNEL:
                os.kill(child, heard.si_signo)
    return COULD_NOT


def _said(code: int, bounds: limits.Spending) -> int:
    """One sentence on standard error where a signal ended the child."""
    if code >= 0:
        return code
    number = -code
    if number in {*HEARD, signal.SIGPIPE}:
        return STOPPED_BY_A_SIGNAL + number
    if number == signal.SIGXCPU:
        says = (f"ended after {bounds.cpu_seconds} seconds of computing; give fewer captures, or a higher limit "
                "with REPLYPATH_CPU_SECONDS")
    elif number == signal.SIGKILL:
        says = ("the reading process was killed from outside, perhaps because this machine ran out of memory; nothing "
                "was concluded, no output was begun; set REPLYPATH_MEMORY (such as 2G) to have the limit named")
    else:
        most = bounds.memory_bytes // limits.MIB
        says = (f"reading ended with {signal.Signals(number).name}, at its limit of {most} MiB (REPLYPATH_MEMORY) or "
                "by a fault of replypath itself; nothing was concluded, no output was left half-written; please "
                "report it with the capture, if you may")
    with suppress(OSError):
        os.write(2, f"replypath: {says}\n".encode())
    return COULD_NOT


def out_of_memory(*, database: bool = False) -> str:
    """The sentence for a run that needed more memory than it may have, or than its ``database`` was told to take."""
    if database:
        return ("the rules need more memory than they may take; give fewer captures, or --memory with a larger SIZE "
                "(without it, most of the machine's)")
    most = limits.spending().memory_bytes // limits.MIB
    return (f"more memory is needed than the limit of {most} MiB; give fewer captures, or a higher limit with "
            "REPLYPATH_MEMORY (such as 8G)") if confined else "this machine has no more memory; give fewer captures"


__all__ = ["available", "confined", "enter", "out_of_memory"]
