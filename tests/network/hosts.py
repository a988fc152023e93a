"""Hosts in network namespaces of this process, every interface watched: the quick bench of ``packets.py``.

A namespace belongs to a thread of this process, so nothing is left when the
process ends.  Sockets, raw ones for the watching too, are opened by the thread
and used by everybody.  Needs root and Linux.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import os
import queue
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from analyzer.kernel.build import host_script, script, switch_script
from analyzer.kernel.topology import SWITCH, Topology

CLONE_NEWNET = 0x40000000
OFFLOADS = (0x17, 0x1F, 0x24, 0x2C)     # linux/ethtool.h: checksums, TSO, GSO, GRO: off, so that captures hold what a wire would
SIOCETHTOOL = 0x8946
ALL = 0x0003                            # ETH_P_ALL

QUICK = {
    **{f"net.ipv4.neigh.default.{key}": value for key, value in (("retrans_time_ms", 30), ("mcast_solicit", 2))},
    "net.ipv4.icmp_ratemask": 0, "net.ipv4.icmp_msgs_per_sec": 100_000,
}
QUICK6 = {
    **{f"net.ipv6.neigh.default.{key}": value for key, value in (("retrans_time_ms", 30), ("mcast_solicit", 2))},
    "net.ipv6.icmp.ratelimit": 0,
}
"""Who is not there is known after 60 ms, and every ICMP error is sent."""


class Space:
    """A thread in a network namespace of its own, that runs what it is given."""

    def __init__(self) -> None:
        self._work: queue.Queue = queue.Queue()
        self._done: queue.Queue = queue.Queue()
        self.tid = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.tid = self._done.get()

    def _run(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        status = libc.unshare(CLONE_NEWNET)
        self._done.put(threading.get_native_id() if status == 0 else OSError(ctypes.get_errno(), "unshare"))
        while (work := self._work.get()) is not None:
            try:
                self._done.put(work())
            except Exception as problem:  # noqa: BLE001 - the caller gets it
                self._done.put(problem)

    def do(self, work: Callable):
        """Run ``work`` in the namespace; its value, or its exception."""
        self._work.put(work)
        done = self._done.get()
        if isinstance(done, Exception):
            raise done
        return done

    def shell(self, text: str, *, check: bool = False) -> subprocess.CompletedProcess:
        """``sh`` in the namespace."""
        done = self.do(lambda: subprocess.run(["sh"], input=text, capture_output=True, text=True, timeout=20, check=False))
        if check and done.returncode:
            raise OSError(f"{text}\n{done.stderr}")
        return done

    def close(self) -> None:
        """End the thread; the namespace goes with its sockets."""
        self._work.put(None)
        self._thread.join()


@dataclass
class Hosts:
    """The network of a topology; ``frames`` are read with ``seen``."""

    topology: Topology
    spaces: dict[str, Space] = field(default_factory=dict)
    eyes: dict[tuple[str, str], socket.socket] = field(default_factory=dict)
    sockets: list[socket.socket] = field(default_factory=list)
    listeners: dict[socket.socket, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _build(self) -> None:
        for name in (SWITCH, *(host.name for host in self.topology.hosts)):
            self.spaces[name] = Space()
        for host in self.topology.hosts:
            quick = QUICK | (QUICK6 if host.has_ipv6 else {})
            self.spaces[host.name].shell("\n".join(f"sysctl -qw {key}={value}" for key, value in quick.items()))
        plug = script(switch_script(self.topology))
        for host in self.topology.hosts:
            plug = plug.replace(f" netns {host.name} ", f" netns {self.spaces[host.name].tid} ")
        self.spaces[SWITCH].shell(plug, check=True)
        for host in self.topology.hosts:
            space = self.spaces[host.name]
            for interface in host.interfaces:
                space.do(lambda name=interface.name: _no_offload(name))
            space.shell(script(host_script(host)), check=True)
            for interface in host.interfaces:
                self.eyes[host.name, interface.name] = space.do(lambda name=interface.name: _eye(name))
            for each in host.listeners:
                listener = space.do(lambda each=each: _listener(each.address, each.port, each.protocol))
                self.listeners[listener] = each.protocol

    def open(self, host: str, kind: int, family: int, protocol: int = 0) -> socket.socket:
        """A socket in a host."""
        made = self.spaces[host].do(lambda: socket.socket(family, kind, protocol))
        made.setblocking(False)
        self.sockets.append(made)
        return made

    def serve(self, seconds: float, data: bytes) -> None:
        """Answer for a while: a TCP connection gets ``data`` at once, a datagram comes back."""
        end = time.monotonic() + seconds
        poll = select.epoll()
        known = {each.fileno(): each for each in self.listeners}
        for number in known:
            poll.register(number, select.EPOLLIN)
        while (left := end - time.monotonic()) > 0:
            for number, _ in poll.poll(left):
                self._answer(known[number], data)
        poll.close()

    def _answer(self, listener: socket.socket, data: bytes) -> None:
        try:
            if self.listeners[listener] == "udp":
                octets, peer = listener.recvfrom(4096)
                listener.sendto(octets, peer)
                return
            connection, _ = listener.accept()
            self.sockets.append(connection)
            connection.setblocking(False)
            connection.send(data)
        except OSError:
            return                          # the client is gone, or there is no way to it: what was sent is what counts

    def seen(self) -> dict[tuple[str, str], list[bytes]]:
        """Every frame at every interface since the last call, in and out."""
        return {port: _drained(eye) for port, eye in self.eyes.items()}

    def __exit__(self, *_: object) -> None:
        for each in self.sockets:
            each.close()
        for each in (*self.eyes.values(), *self.listeners):
            each.close()
        for space in self.spaces.values():
            space.close()


def _drained(eye: socket.socket) -> list[bytes]:
    frames = []
    while True:
        try:
            frames.append(eye.recv(65536))
        except BlockingIOError:
            return frames


def _eye(name: str) -> socket.socket:
    eye = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    eye.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    eye.bind((name, ALL))
    eye.setblocking(False)
    return eye


def _listener(address: str, port: int, protocol: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    made.setsockopt(socket.IPPROTO_IP, 15, 1)       # IP_FREEBIND
    made.bind((address, port))
    if protocol == "tcp":
        made.listen(64)
    made.setblocking(False)
    return made


def _no_offload(name: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS:
            value = array.array("I", [command, 0])
            fcntl.ioctl(any_socket, SIOCETHTOOL, struct.pack("16sP", name.encode(), value.buffer_info()[0]))


def possible() -> bool:
    """Whether namespaces can be made here."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True).returncode == 0
