"""What is measured: our own command, and every peer that is installed, each as one whole process.

``slice_of`` is the share of the capture that a slow peer gets, as one in so many
packets; its times are then given per packet like all others.
"""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

OURS = "replypath"

DPKT = """
import sys, dpkt
flows = {}
for ns, frame in dpkt.pcap.Reader(open(sys.argv[1], "rb")):
    ip = dpkt.ethernet.Ethernet(frame).data
    if isinstance(ip, dpkt.ip.IP) and isinstance(ip.data, dpkt.tcp.TCP):
        key = tuple(sorted(((ip.src, ip.data.sport), (ip.dst, ip.data.dport))))
        count = flows.setdefault(key, [0, 0])
        count[0] += 1
        count[1] += len(ip.data.data)
print(len(flows))
"""
NFSTREAM = """
import sys
from nfstream import NFStreamer
print(sum(1 for _ in NFStreamer(source=sys.argv[1], n_dissections=0, n_meters=1)))
"""
PYSHARK = """
import sys, pyshark
with pyshark.FileCapture(sys.argv[1], keep_packets=False) as capture:
    print(sum(1 for packet in capture if "TCP" in packet))
"""

DEBIAN = ("argus-server", "softflowd", "nfdump", "tcptrace", "tshark")
"""Packages that hold the peers (capinfos comes with tshark's)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One program: its name in the table, its command (``{}`` = the capture, ``{out}`` = a scratch folder)."""

    name: str
    command: tuple[str, ...]
    does: str
    slice_of: int = 1


def _python(name: str) -> str | None:
    """An interpreter that has a package: this one, or the one that REPLYPATH_BENCH_PYTHON names."""
    import os
    import subprocess

    if find_spec(name):
        return sys.executable
    other = os.environ.get("REPLYPATH_BENCH_PYTHON")
    if other and subprocess.run([other, "-c", f"import {name}"], capture_output=True, check=False).returncode == 0:
        return other
    return None


def ours() -> Peer:
    """Our command: read, decode, track, diagnose, and write the JSON."""
    command = Path(sys.executable).with_name("replypath")
    return Peer(OURS, (str(command), "analyze", "--format", "json", "-q", "{}"), "whole diagnosis, JSON")


def installed() -> list[Peer]:
    """Ours first, then every peer that is here."""
    programs = [
        Peer("capinfos -c", ("capinfos", "-c", "{}"), "counts packets"),
        Peer("softflowd", ("softflowd", "-r", "{}"), "counts flows (NetFlow)"),
        Peer("argus", ("argus", "-r", "{}", "-w", "{out}/argus"), "flow records"),
        Peer("nfpcapd", ("nfpcapd", "-r", "{}", "-w", "{out}"), "flow records (NetFlow)"),
        Peer("tcptrace -n", ("tcptrace", "-n", "{}"), "connections"),
        Peer("tshark -z conv,tcp", ("tshark", "-n", "-q", "-z", "conv,tcp", "-r", "{}"), "conversations"),
    ]
    found = [peer for peer in programs if shutil.which(peer.command[0])]
    for name, code, slice_of, does in (("nfstream", NFSTREAM, 10, "flow records"),
                                       ("dpkt", DPKT, 10, "counts flows, in Python"),
                                       ("pyshark", PYSHARK, 500, "Wireshark's dissection, in Python")):
        if python := _python(name):
            found.append(Peer(name, (python, "-c", code, "{}"), does, slice_of))
    return [ours(), *found]
