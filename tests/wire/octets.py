"""Headers by hand, for tests that say what a decoder must make of them."""

import struct

MACS = bytes.fromhex("020000000002 020000000001".replace(" ", ""))   # destination, source
A, B = bytes((10, 0, 2, 9)), bytes((10, 0, 2, 1))
A6, B6 = bytes.fromhex("20010db8" + "00" * 11 + "09"), bytes.fromhex("20010db8" + "00" * 11 + "01")


def ethernet(kind, payload):
    return MACS + kind.to_bytes(2, "big") + payload


def ipv4(protocol, payload, *, total=None, fragment=0, options=b"", src=A, dst=B, ttl=64):
    size = 20 + len(options)
    return struct.pack("!BBHHHBBH", 0x40 | size // 4, 0, size + len(payload) if total is None else total, 7, fragment,
                       ttl, protocol, 0) + src + dst + options + payload


def ipv6(following, payload, *, size=None, src=A6, dst=B6):
    return struct.pack("!IHBB", 6 << 28, len(payload) if size is None else size, following, 64) + src + dst + payload


def tcp(payload=b"", *, offset=None, flags=0x18, options=b""):
    size = 20 + len(options)
    return struct.pack("!HHIIBBHHH", 40000, 80, 1000, 2000, (size // 4 if offset is None else offset) << 4, flags, 500, 0,
                       0) + options + payload


def udp(payload=b"", *, port=53, size=None):
    return struct.pack("!HHHH", 5353, port, 8 + len(payload) if size is None else size, 0) + payload
