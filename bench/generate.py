"""Captures to measure with: deterministic, of any size, written to a folder that you name and never committed.

    python -m bench.generate FOLDER [--scale 1.0] [balancer small flood fewer more ...]

balancer   a mirror port on both sides of a NAT balancer: every connection twice
           (client to virtual service, client to real server), 25 packets each
           way of it, 540 octets on average: 5 million packets, 200,000 flows
small      the same without payload: 6 million packets, 240,000 flows
flood      SYNs from a million ends to one virtual service
fewer      the same live flows with 25 packets each ...
more       ... and with 250
tiny       two connections: 100 packets
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

SYN, SYNACK, ACK, PSH, FIN = 2, 18, 16, 24, 17
TEXT = (b"The real server answers, and its answer goes the way of its own routing table. " * 20)[:1448]
FIRST_NS = 1_700_000_000 * 10**9
CONNECTIONS_AT_ONCE = 1000
HOP_NS = 30_000            # between the two sides of the balancer


class Step(NamedTuple):
    """One packet of the script: who sends it, with which flags, where in the sequence spaces, and how much."""

    back: bool
    flags: int
    sent: int              # octets this end has sent before, SYN included
    heard: int
    size: int
    at: int = 0            # its place in the script, and that of the last packet of the other end before it
    echo: int = 0


def script(data: int, rounds: int) -> list[Step]:
    """A connection: handshake, a request, ``rounds`` of a segment of ``data`` octets and its ACK, and the end."""
    request = 234 if data else 0
    steps = [Step(False, SYN, 0, 0, 0), Step(True, SYNACK, 0, 1, 0), Step(False, ACK, 1, 1, 0),
             Step(False, PSH, 1, 1, request), Step(True, ACK, 1, 1 + request, 0)]
    done = 1
    for _ in range(rounds):
        steps.append(Step(True, PSH if data else ACK, done, 1 + request, data))
        done += data
        steps.append(Step(False, ACK, 1 + request, done, 0))
    steps += [Step(False, FIN, 1 + request, done, 0), Step(True, ACK, done, 2 + request, 0),
              Step(True, FIN, done, 2 + request, 0), Step(False, ACK, 2 + request, done + 1, 0)]
    return [step._replace(at=n, echo=max((m for m in range(n) if steps[m].back != step.back), default=0))
            for n, step in enumerate(steps)]


def big(values: NDArray[np.int64] | int, octets: int, count: int) -> NDArray[np.uint8]:
    """Numbers as big-endian octets, one row each."""
    shifts = np.arange(8 * (octets - 1), -1, -8)
    return (np.broadcast_to(np.asarray(values, dtype=np.int64), count)[:, None] >> shifts & 0xFF).astype(np.uint8)


def records(step: Step, number: NDArray[np.int64], back_side: bool, time_ns: NDArray[np.int64],
            ip_id: NDArray[np.int64]) -> NDArray[np.uint8]:
    """The pcap records of one step of the connections ``number``, on one side of the balancer."""
    count = len(number)
    options = 20 if step.flags & SYN else 12
    length = 14 + 20 + 20 + options + step.size
    frame = np.zeros((count, 16 + length), dtype=np.uint8)
    seconds, rest = time_ns // 10**9, time_ns % 10**9 // 1000
    for at, value in ((0, seconds), (4, rest), (8, length), (12, length)):
        frame[:, at:at + 4] = big(value, 4, count)[:, ::-1]

    client_mac, front_mac, back_mac = 0x020000000001, 0x020000000002, 0x020000000003
    server_mac = 0x020000000100 + number % 20
    near, far = (back_mac, server_mac) if back_side else (client_mac, front_mac)
    src_mac, dst_mac = (far, near) if step.back else (near, far)
    ethernet = frame[:, 16:]
    ethernet[:, 0:6], ethernet[:, 6:12] = big(dst_mac, 6, count), big(src_mac, 6, count)
    ethernet[:, 12] = 8

    # 198.18.0.0/15 is set apart for benchmarks (RFC 2544 appendix C.2.2)
    client = 0xC6120000 + number % 30_000
    port = 32768 + number // 30_000 % 28_000
    service = 0x0A000200 + 11 + number % 20 if back_side else 0xCB00710A
    service_port = 8080 if back_side else 80
    ip = frame[:, 30:]
    ip[:, 0], ip[:, 6], ip[:, 9] = 0x45, 0x40, 6
    ip[:, 8] = 64 - (back_side != step.back)
    ip[:, 2:4], ip[:, 4:6] = big(length - 14, 2, count), big(ip_id & 0xFFFF, 2, count)
    src, dst = (service, client) if step.back else (client, service)
    ip[:, 12:16], ip[:, 16:20] = big(src, 4, count), big(dst, 4, count)
    words = ip[:, 0:20:2].astype(np.int64) * 256 + ip[:, 1:20:2]
    total = words.sum(axis=1)
    total = (total & 0xFFFF) + (total >> 16)
    ip[:, 10:12] = big(~total & 0xFFFF, 2, count)

    tcp = frame[:, 50:]
    isn = np.array([number * 7919 + 1, number * 104729 + 2]) & 0xFFFFFFFF
    ends = (service_port, port) if step.back else (port, service_port)
    tcp[:, 0:2], tcp[:, 2:4] = big(ends[0], 2, count), big(ends[1], 2, count)
    tcp[:, 4:8] = big(isn[int(step.back)] + step.sent & 0xFFFFFFFF, 4, count)
    if step.flags & 16:
        tcp[:, 8:12] = big(isn[1 - int(step.back)] + step.heard & 0xFFFFFFFF, 4, count)
    tcp[:, 12], tcp[:, 13], tcp[:, 14] = (20 + options) // 4 << 4, step.flags, 0xFA
    if step.flags & SYN:
        tcp[:, 20:26] = (2, 4, 5, 180, 4, 2)
        tcp[:, 26:28], tcp[:, 36:40] = (8, 10), (1, 3, 3, 7)
        stamp = tcp[:, 28:36]
    else:
        tcp[:, 20:24] = (1, 1, 8, 10)
        stamp = tcp[:, 24:32]
    clock = (number * 15_485_863 & 0x3FFFFFFF, number * 32_452_843 & 0x3FFFFFFF)     # one for each end
    stamp[:, 0:4] = big(clock[int(step.back)] + step.at, 4, count)
    stamp[:, 4:8] = big(clock[1 - int(step.back)] + step.echo, 4, count) if step.flags & 16 else 0
    tcp[:, 20 + options:] = np.frombuffer(TEXT[:step.size], dtype=np.uint8)
    return frame


def begin(out: BinaryIO) -> None:
    """The header of a pcap file: little-endian, microseconds, Ethernet."""
    np.array([0xA1B2C3D4], "<u4").tofile(out)
    np.array([2, 4], "<u2").tofile(out)
    np.array([0, 0, 262144, 1], "<u4").tofile(out)


def slices(connections: int, steps: list[Step], gap_ns: int) -> Iterator[NDArray[np.uint8]]:
    """All packets, in time order: at any time one group of connections is at each step of the script."""
    group = max(1, CONNECTIONS_AT_ONCE // len(steps))
    groups = -(-connections // group)
    now = FIRST_NS
    for tick in range(groups + len(steps) - 1):
        for which in range(max(0, tick - len(steps) + 1), min(groups, tick + 1)):
            step = steps[tick - which]
            number = np.arange(which * group, min(connections, (which + 1) * group))
            times = now + np.arange(len(number)) * 2 * gap_ns
            ip_id = number * 31 + (tick - which)
            front, back = (records(step, number, side, times + HOP_NS * (side != step.back), ip_id)
                           for side in (False, True))
            first, second = (back, front) if step.back else (front, back)
            yield np.stack([first, second], axis=1).reshape(-1, first.shape[1])
            now += len(number) * 2 * gap_ns


def floods(syns: int) -> Iterator[NDArray[np.uint8]]:
    """One SYN of each of many ends."""
    for first in range(0, syns, 10_000):
        number = np.arange(first, min(syns, first + 10_000))
        yield records(Step(False, SYN, 0, 0, 0), number, False, FIRST_NS + number * 10_000, number)


def generate(folder: Path, kind: str, scale: float = 1.0) -> Path:
    """Write one capture, unless it is there, and say where."""
    path = folder / f"{kind}-{scale:g}.pcap"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    pieces = {
        "balancer": lambda: slices(round(100_000 * scale), script(1448, 8), 6_000),
        "small": lambda: slices(round(120_000 * scale), script(0, 8), 5_000),
        "flood": lambda: floods(round(1_000_000 * scale)),
        "fewer": lambda: slices(round(10_000 * scale), script(1448, 8), 6_000),
        "more": lambda: slices(round(10_000 * scale), script(1448, 120), 6_000),
        "tiny": lambda: slices(2, script(1448, 8), 6_000),
    }[kind]
    half = path.with_suffix(".part")
    with half.open("wb") as out:
        begin(out)
        for piece in pieces():
            piece.tofile(out)
    half.rename(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.generate")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("kinds", nargs="*", default=["balancer", "small", "flood"])
    arguments = parser.parse_intermixed_args()
    for kind in arguments.kinds:
        path = generate(arguments.folder, kind, arguments.scale)
        print(f"{path}  {path.stat().st_size / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
