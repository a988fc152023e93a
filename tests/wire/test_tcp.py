"""TCP: options, short frames, offsets that lie."""

import pytest

from .octets import ipv4, tcp

MSS, STAMPS = b"\x02\x04\x05\xb4", b"\x08\x0a\0\0\0\x64\0\0\0\xc8"


@pytest.mark.parametrize(("options", "mss", "stamps"), [
    (MSS + b"\x04\x02" + STAMPS + b"\x01\x03\x03\x07", 1460, (100, 200)),    # as Linux sends a SYN
    (b"\x01\x01" + STAMPS, 0, (100, 200)),
    (b"\x00" + MSS + bytes(3), 0, None),           # behind the end of the list
    (b"\x05\x00" + MSS + bytes(2), 0, None),       # a length of 0 ends it
    (b"\x02\x05" + bytes(2), 0, None),             # an MSS that is too long
    (MSS + b"\x08\x0b\0\0", 1460, None),           # time stamps that do not fit
    (b"\x01\x01\x01\x08", 0, None),
])
def test_rfc9293_3_1_options(read, options, mss, stamps):
    row = read(ipv4(6, tcp(b"x", options=options)), 101)
    assert (row["verdict"], row["mss"], row["payload_bytes"]) == ("ok", mss, 1)
    assert (row["has_ts"], row["tsval"], row["tsecr"]) == ((1, *stamps) if stamps else (0, 0, 0))


@pytest.mark.parametrize("offset", [0, 4, 15])
def test_rfc9293_3_1_a_data_offset_that_lies(read, offset):
    row = read(ipv4(6, tcp(offset=offset)), 101)
    assert (row["verdict"], row["src_port"], row["flags"], row["window"], row["payload_bytes"]) == (
        "malformed", 40000, 0x18, 500, 0)


CUTS = [   # octets of the TCP header that are there, columns that are
    (3, {}), (4, {"src_port": 40000}), (8, {"seq": 1000}), (12, {"ack": 2000}), (14, {"flags": 0x18, "payload_bytes": 4}),
    (16, {"window": 500}), (19, {}), (20, {}), (31, {}), (32, {"has_ts": 1, "tsval": 100}),
]


@pytest.mark.parametrize("size", [size for size, _ in CUTS])
def test_a_short_frame_keeps_what_it_has(read, size):
    octets = ipv4(6, tcp(b"data", options=b"\x01\x01" + STAMPS))
    cut, broken = read(octets[:20 + size], 101, wire_bytes=len(octets)), read(octets[:20 + size], 101)
    assert cut["kind"] == broken["kind"] == "tcp"
    assert cut["verdict"] == ("cut" if size < 20 else "ok")     # options may be missing, as where none were sent
    assert broken["verdict"] == ("malformed" if size < 32 else "ok")     # nobody cut it: its headers lie
    for at, columns in CUTS:
        for name, value in columns.items():
            assert cut[name] == (value if size >= at else 0), name
