"""The scanners that this run uses: compiled where the kernel was built, plain Python otherwise."""

from __future__ import annotations

import os

COMPILED = False
if not os.environ.get("REPLYPATH_PURE"):
    try:
        from analyzer.capture import _fast

        COMPILED = True
    except ImportError:   # no compiler at installation: the twins give the same answers, more slowly
        pass

if COMPILED:
    scan_pcap, scan_pcapng = _fast.scan_pcap, _fast.scan_pcapng
    find_pcap, find_pcapng = _fast.find_pcap, _fast.find_pcapng
else:
    from analyzer.capture._reference import scan_pcap, scan_pcapng
    from analyzer.capture._search import find_pcap, find_pcapng

__all__ = ["COMPILED", "find_pcap", "find_pcapng", "scan_pcap", "scan_pcapng"]
