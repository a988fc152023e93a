"""Ctrl-C means what it means at a terminal, also where the tests were put into the background (POSIX sh: SIGINT ignored)."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
