"""What the fuzzer feeds to the compiled kernels, and what must hold whatever it feeds."""

from __future__ import annotations

import struct

import numpy as np

from analyzer.capture import _reference as plain_scan
from analyzer.capture import _search as plain_search
from analyzer.capture import records as r
from analyzer.flow import _reference as plain_flow
from analyzer.flow.timeouts import Limits as FlowLimits
from analyzer.tables import (
    ARP_REPLY,
    ICMP_ECHO,
    KINDS,
    OTHER,
    PACKETS,
    TCP,
    UDP,
    VERDICTS,
    AddressBook,
    Batch,
    PacketTable,
    empty,
)
from analyzer.wire import _reference as plain_wire
from analyzer.wire.linktypes import LINK_TYPES

try:
    from analyzer.capture import _fast as fast_scan
    from analyzer.flow import _fast as fast_flow
    from analyzer.wire import _fast as fast_wire
except ImportError as missing:
    raise SystemExit(f"the kernels are not built: {missing}; make fuzz builds them") from None

SECRET = 0x0123456789ABCDEF
LINKS = (*LINK_TYPES, 105, 0xFFFF)
ROWS = 24
STEPS = 64
"""Scanner calls for one input: each moves on by at least a record, so that a longer walk tells nothing new."""


def _pcap_layout(first: int, second: int) -> np.ndarray:
    """A layout from two octets of input."""
    return np.array([first & 1, (16, 20, 24, 28)[first >> 1 & 3], (1, 1000)[first >> 3 & 1], second % 3, 300, 1], np.int64)


def _walk(scan, find, octets: bytes, eof: bool, settings, near):
    """As the reader does: scan, step over damage, search, go on; every stop as it came."""
    view = np.frombuffer(octets, np.uint8)
    begin, end = 0, len(octets)
    stops = []
    for _ in range(STEPS):
        columns, result = scan(r.Stretch(view, begin, end, eof, 1000))
        row, at, status, number = map(int, result)
        assert begin <= at <= end, "the scanner left the stretch"
        assert 0 <= row <= ROWS, "the scanner left the columns"
        for column, limit in ((columns.start, end), (columns.captured_bytes, end)):
            assert not row or 0 <= int(column[:row].min()) <= int(column[:row].max()) <= limit, "a row points outside"
        stops.append((row, at, status, number, *(column[:row].tolist() for column in columns)))
        assert at > begin or status in {r.MORE, r.BLOCK, r.DAMAGED} or (status in {r.FULL, r.NOTED} and row), "no progress"
        begin = at
        if status == r.MORE:
            assert number > end - begin or not eof or begin == end, "more is wanted than was looked at"
            break
        if status == r.BLOCK:   # a section header has no length before its byte order is known
            assert 0 <= number <= end - begin
            begin = min(begin + (number or 28), end)
        elif status == r.DAMAGED:
            begin = min(begin + settings, end)
            status, at, number = map(int, find(r.Stretch(view, begin, end, eof, 1000), near))
            assert begin <= at <= end, "the search left the stretch"
            stops.append((status, at, number))
            begin = at
            if status != r.FOUND:
                break
    return stops


def _pcap(data: bytes, scan_pcap, find_pcap):
    layout, tallies = _pcap_layout(data[0], data[1]), np.zeros(r.TALLIES, np.int64)

    def scan(stretch: r.Stretch):
        columns = r.empty_columns(ROWS)
        return columns, scan_pcap(stretch, columns, 0, layout, tallies)

    def find(stretch: r.Stretch, near):
        return find_pcap(stretch, layout, near)

    near = ((-1, -1), (0, 2**62), (10**18, 10**18))[data[1] >> 4 & 1]
    return _walk(scan, find, data[2:], bool(data[0] & 64), 1, near), tallies.tolist()


_CLOCKS = (
    (r.MULTIPLY, 1000), (r.MULTIPLY, 1), (r.MULTIPLY, 10**9), (r.DIVIDE, 0), (r.DIVIDE, 10), (r.DIVIDE, 10**19),
    *((r.SHIFT, exponent) for exponent in (0, 1, 31, 32, 63, 64, 95, 96, 127)),
)
"""Every way in which ``blocks.clock`` lets an interface count."""


def _pcapng(data: bytes, scan_pcapng, find_pcapng):
    tallies = np.zeros(r.TALLIES, np.int64)
    layout = np.array([data[0] & 1, 2, 300, 4000, 1 + (data[0] >> 1 & 7), data[0] >> 4 & 1], np.int64)
    table = r.empty_interfaces(2)
    table.enter(0, (1, 96, *_CLOCKS[data[1] % len(_CLOCKS)], 0, 0, 0))
    table.enter(1, (113, 0, r.MULTIPLY, 1000, -(2**63) if data[1] & 64 else 2**63 - 1, 1, 0))
    notes = np.zeros(2 * 3 * r.COMMENTS_OF_A_PACKET, np.int64)
    section = r.Section(layout, table, notes, tallies)
    noted = []

    def scan(stretch: r.Stretch):
        columns = r.empty_columns(ROWS)
        tallies[r.NOTES] = 0
        result = scan_pcapng(stretch, columns, 0, section)
        assert 0 <= tallies[r.NOTES] <= len(notes) // 2, "more notes than room"
        noted.append(notes[: 2 * tallies[r.NOTES]].tolist())
        return columns, result

    def find(stretch: r.Stretch, near):
        return find_pcapng(stretch, layout)

    return _walk(scan, find, data[2:], bool(data[0] & 64), 4, None), tallies.tolist(), noted, table.drops.tolist()


def batch(data: bytes) -> Batch:
    """Frames from octets: a link type, then frames, each behind its length (one octet) where the first octet is odd."""
    link, rest = LINKS[data[0] % len(LINKS)], data[2:]
    frames = []
    if data[1] & 1:
        while rest and len(frames) < 8:
            frames.append(rest[1 : 1 + rest[0]])
            rest = rest[1 + rest[0] :]
    else:
        frames = [rest]
    sizes = np.array([len(frame) for frame in frames], np.uint32)
    start = np.zeros(len(frames), np.int64)
    start[1:] = np.cumsum(sizes[:-1], dtype=np.int64)
    claimed = (0, 40, 2**32 - 1)[data[1] >> 1 & 1] if data[1] & 4 else None
    return Batch(
        octets=np.frombuffer(b"".join(frames), np.uint8), start=start, captured_bytes=sizes,
        wire_bytes=sizes if claimed is None else np.full(len(frames), claimed, np.uint32),
        time_ns=np.arange(len(frames), dtype=np.int64), link_type=np.full(len(frames), link, np.uint16),
        interface=np.zeros(len(frames), np.uint16), position=start.copy(), first_frame=1,
    )


def _decode(data: bytes, kernel_of):
    book = AddressBook()
    kernel = kernel_of(book)
    columns = kernel.decode(batch(data))
    assert int(columns["verdict"].max(initial=0)) < len(VERDICTS)
    assert int(columns["kind"].max(initial=0)) < len(KINDS)
    assert all(int(columns[name].max(initial=0)) < len(book.packed) for name in ("src", "dst", "src_mac", "about_ip"))
    return columns, book.packed, [kernel.tunnels.text(path) for path in range(len(kernel.tunnels))]


_PACKET = np.dtype([
    ("kind", "u1"), ("ends", "u1"), ("flags", "u1"), ("gap", "u1"), ("seq", "u1"), ("ack", "u1"), ("size", "u1"), ("more", "u1"),
])
_KINDS = np.array([TCP, TCP, TCP, TCP, UDP, ICMP_ECHO, ARP_REPLY, OTHER], np.uint8)
_PORTS = np.array([0, 80, 40000, 0xFFFF], np.uint16)
_GAPS = np.array([0, 1, 1000, 10**6, 10**8, 10**9, 10**9 + 1, 5 * 10**9, 6 * 10**10, 121 * 10**9, 3601 * 10**9, -1, -(10**6),
                  -(10**9), -(10**12), 10**15], np.int64)
_SEQS = np.array([0, 1, 2, 1000, 1001, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)
_SIZES = np.array([0, 0, 1, 100, 1460, 65535, 2**31, 2**32 - 1], np.uint32)


def packets(data: bytes) -> PacketTable:
    """Packets of at most four ends from octets, eight for each packet."""
    drawn = np.frombuffer(data[: len(data) // 8 * 8], _PACKET)
    columns = empty(PACKETS, len(drawn))
    more = drawn["more"]
    columns["kind"][:] = _KINDS[drawn["kind"] & 7]
    columns["verdict"][:] = np.where(drawn["kind"] >> 5 == 7, 6, 0)
    columns["tunnel"][:] = drawn["kind"] >> 3 & 1
    for name, shift in (("src", 0), ("dst", 4)):
        columns[name][:] = 1 + (drawn["ends"] >> shift & 1)
        columns[f"{name}_port"][:] = _PORTS[drawn["ends"] >> shift + 1 & 3]
        columns[f"{name}_mac"][:] = 1 + (more >> shift & 1)
    columns["ip_proto"][:] = 6
    columns["flags"][:] = drawn["flags"]
    columns["time_ns"][:] = np.clip(np.cumsum(_GAPS[drawn["gap"] & 15].astype(object)), -(2**63), 2**63 - 1).astype(np.int64)
    columns["seq"][:] = _SEQS[drawn["seq"] & 7] + (drawn["seq"] >> 3)
    columns["ack"][:] = _SEQS[drawn["ack"] & 7] + (drawn["ack"] >> 3)
    columns["payload_bytes"][:] = _SIZES[drawn["size"] & 7]
    columns["ttl"][:] = 63 + (more >> 1 & 1)
    columns["ip_id"][:] = more >> 2 & 3
    columns["position"][:] = 100 * np.arange(len(drawn))
    return PacketTable(columns, 1)


def _track(data: bytes, tracker_of, *, whole_answer: bool = False):
    tracker = tracker_of(FlowLimits(live_flows=(1, 2, 3, 1000)[data[0] & 3]), SECRET)
    whole = packets(data[1:])
    cut = data[0] >> 2 & 15
    for low, high in ((0, cut), (cut, len(whole))):
        if low < high:
            part = {name: column[low:high] for name, column in whole.columns.items()}
            tracker.feed(PacketTable(part, 1 + low))
    if data[0] & 0xC0 and not whole_answer:   # the table of flows costs fifty times what the tracking does
        return tracker.live, tracker.evicted
    flows = tracker.table(0, final=True)
    assert len(flows["flow"]) <= len(whole), "more flows than packets"
    return flows, tracker.evicted


def _same(one, other) -> None:
    """Two answers, with arrays in them or not."""
    if isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            assert np.array_equal(one[name], other[name]), name
    elif isinstance(one, tuple):
        for a, b in zip(one, other, strict=True):
            _same(a, b)
    else:
        assert one == other


def scan_pcap(data: bytes) -> None:
    """The compiled pcap scanner and search."""
    if len(data) > 2:
        _pcap(data, fast_scan.scan_pcap, fast_scan.find_pcap)


def scan_pcapng(data: bytes) -> None:
    """The compiled pcapng scanner and search."""
    if len(data) > 2:
        _pcapng(data, fast_scan.scan_pcapng, fast_scan.find_pcapng)


def decode(data: bytes) -> None:
    """The compiled decoder."""
    if len(data) > 2:
        _decode(data, fast_wire.Kernel)


def track(data: bytes) -> None:
    """The compiled tracker."""
    if len(data) > 8:
        _track(data, fast_flow.Tracker)


def twins_scan(data: bytes) -> None:
    """Both scanners and both searches, compiled and plain: one answer."""
    if len(data) > 2:
        _same(_pcap(data, fast_scan.scan_pcap, fast_scan.find_pcap), _pcap(data, plain_scan.scan_pcap, plain_search.find_pcap))
        _same(_pcapng(data, fast_scan.scan_pcapng, fast_scan.find_pcapng),
              _pcapng(data, plain_scan.scan_pcapng, plain_search.find_pcapng))


def twins_decode(data: bytes) -> None:
    """Both decoders: one answer."""
    if len(data) > 2:
        _same(_decode(data, fast_wire.Kernel), _decode(data, plain_wire.Kernel))


def twins_track(data: bytes) -> None:
    """Both trackers: one answer."""
    if len(data) > 8:
        _same(_track(data, fast_flow.Tracker, whole_answer=True), _track(data, plain_flow.Tracker, whole_answer=True))


def frame_seed(link: int, frame: bytes) -> bytes:
    """One frame as ``batch`` takes it."""
    return bytes([LINKS.index(link), 0]) + frame


def scan_seed(capture: bytes) -> tuple[str, bytes] | None:
    """A capture as a scanner takes it, and which one; None where it is neither pcap nor pcapng."""
    if capture[:4] in {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"}:
        return "pcap", bytes([(0 if capture[0] == 0xD4 else 1) | 8 | 64, 0]) + capture[24:]
    if capture[:4] == b"\n\r\r\n":
        big = capture[8:12] == b"\x1a\x2b\x3c\x4d"
        return "pcapng", bytes([big | 16 | 14 | 64, 0]) + capture
    return None


def packet_seed(number: int) -> bytes:
    """A conversation for ``packets``: a handshake, data, the end, and variations of it by number."""
    client, server = 0b0010_0101, 0b0101_0010
    steps = [(client, 2, 3), (server, 18, 3), (client, 16, 3), (client, 24, 3), (server, 24, 3), (client, 17, 3), (server, 17, 3),
             (client, 16, 3)]
    return bytes([number & 3]) + b"".join(
        struct.pack("8B", (0, 4, 5)[number % 3], ends, flags, gap, 3 + 8 * (n // 2), 3 + 8 * (n // 2), 3 * (flags & 8), 0)
        for n, (ends, flags, gap) in enumerate(steps))
