"""Frames from a packet socket of our own (packet(7)): the last resort, where neither dumpcap nor tcpdump is installed.

It needs CAP_NET_RAW in this very process, and Python reads some ten thousand
frames a second.  The kernel takes VLAN tags out of frames and tells them beside
(PACKET_AUXDATA); they are put back.
"""

from __future__ import annotations

import selectors
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from analyzer.capture.source import Interface
from analyzer.errors import ToolError
from analyzer.live.taps.tap import NAP_S
from analyzer.tables import Batch

_SOL_PACKET, _AUXDATA, _STATISTICS = 263, 8, 6
_TIMESTAMPNS = 35
_ETH_P_ALL = 3
_AUX = struct.Struct("=IIIHHHH")          # struct tpacket_auxdata: status, len, snaplen, mac, net, vlan_tci, vlan_tpid
_VLAN_VALID, _VLAN_TPID_VALID, _DOT1Q = 0x10, 0x40, 0x8100
_LINKS = {1: 1, 772: 1}                   # ARPHRD_ETHER, ARPHRD_LOOPBACK -> LINKTYPE_ETHERNET
_RAW = 101
_SPACE = socket.CMSG_SPACE(_AUX.size) + socket.CMSG_SPACE(16)
_BUFFER_BYTES = 32 << 20
_FRAMES = 2048
Row = tuple[bytes, int, int, int]         # octets, length on the wire, time, interface


class PacketSocket:
    """Several interfaces, one socket each; a ``tap.Tap``."""

    def __init__(self, interfaces: Sequence[str], points: Sequence[tuple[str, str]], snap: int) -> None:
        """``ToolError`` where the kernel refuses."""
        self.points = list(points)
        self._names = list(interfaces)
        self._snap = snap or 262144
        self._stopped = False
        self._sockets = [_opened(name) for name in interfaces]
        self._links = [_LINKS.get(_hardware(name), _RAW) for name in interfaces]
        self._interfaces = [Interface(link, name=name) for link, name in zip(self._links, interfaces, strict=True)]
        self._drops = [0] * len(interfaces)

    @property
    def interfaces(self) -> list[Interface]:
        """As ``tap.Tap``."""
        return [replace(each, drops=lost) for each, lost in zip(self._interfaces, self._drops, strict=True)]

    def batches(self) -> Iterator[Batch]:
        """As ``tap.Tap``; ``ToolError`` where an interface goes away."""
        with selectors.DefaultSelector() as ready:
            for number, held in enumerate(self._sockets):
                ready.register(held, selectors.EVENT_READ, number)
            first = 1
            while not self._stopped:
                rows: list[Row] = []
                end = time.monotonic() + NAP_S
                while len(rows) < _FRAMES and (left := end - time.monotonic()) > 0:
                    for key, _ in ready.select(left):
                        rows += self._received(key.data)
                self._count_losses()
                if rows:
                    yield self._batch(rows, first)
                    first += len(rows)
        for held in self._sockets:
            held.close()

    def stop(self) -> bool:
        """As ``tap.Tap``."""
        self._stopped = True
        return True

    def kill(self) -> None:
        """As ``tap.Tap``."""
        self._stopped = True

    def remarks(self) -> list[str]:
        """As ``tap.Tap``."""
        return []

    def _received(self, number: int) -> list[Row]:
        """What one socket holds now, a few hundred frames at most."""
        rows: list[Row] = []
        for _ in range(256):
            try:
                octets, beside, flags, _ = self._sockets[number].recvmsg(
                    self._snap, _SPACE, socket.MSG_DONTWAIT | socket.MSG_TRUNC)
            except BlockingIOError:
                break
            except OSError as error:
                name = self._names[number]
                raise ToolError(f"{name}: the interface cannot be read any more: {error.strerror}") from error
            rows.append(_row(octets, beside, number))
            del flags
        return rows

    def _count_losses(self) -> None:
        for number, held in enumerate(self._sockets):
            try:
                self._drops[number] += struct.unpack("II", held.getsockopt(_SOL_PACKET, _STATISTICS, 8))[1]
            except OSError:
                return

    def _batch(self, rows: list[Row], first: int) -> Batch:
        sizes = np.array([len(row[0]) for row in rows], np.int64)
        start = np.cumsum(sizes) - sizes
        places = np.array([row[3] for row in rows], np.uint16)
        return Batch(
            octets=np.frombuffer(b"".join(row[0] for row in rows), np.uint8),
            start=start, captured_bytes=sizes.astype(np.uint32),
            wire_bytes=np.array([row[1] for row in rows], np.uint32),
            time_ns=np.array([row[2] for row in rows], np.int64),
            link_type=np.array(self._links, np.uint16)[places], interface=places, position=start, first_frame=first,
        )


def _row(octets: bytes, beside: Sequence[tuple[int, int, bytes]], number: int) -> Row:
    """One frame with its time and, put back, its VLAN tag."""
    when, wire = time.time_ns(), len(octets)
    for level, kind, data in beside:
        if level == socket.SOL_SOCKET and kind == _TIMESTAMPNS:
            seconds, fraction = struct.unpack("qq", data[:16])
            when = seconds * 10**9 + fraction
        elif level == _SOL_PACKET and kind == _AUXDATA and len(data) >= _AUX.size:
            status, wire, _, _, _, tag, protocol = _AUX.unpack_from(data)
            if status & _VLAN_VALID and len(octets) >= 12:
                kept = protocol if status & _VLAN_TPID_VALID else _DOT1Q
                octets = octets[:12] + struct.pack(">HH", kept, tag) + octets[12:]
                wire += 4
    return octets, max(wire, len(octets)), when, number


def _opened(name: str) -> socket.socket:
    """A packet socket on one interface."""
    if not hasattr(socket, "AF_PACKET"):
        raise ToolError("packet sockets are Linux's; install dumpcap (Wireshark) or tcpdump")
    try:
        held = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
        held.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        held.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        held.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        held.bind((name, _ETH_P_ALL))
    except OSError as error:
        raise ToolError(f"{name}: a packet socket is refused: {error.strerror}") from error
    held.setblocking(False)
    return held


def _hardware(name: str) -> int:
    """The interface's ARPHRD_ number; Ethernet where nobody says."""
    try:
        return int(Path(f"/sys/class/net/{name}/type").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return 1
