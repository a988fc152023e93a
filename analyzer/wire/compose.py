"""A packet as octets: one Ethernet frame, with valid checksums.

What the packet does not say is filled in so that nothing is claimed by accident: TTL
64, identification 0, window 64240, payload of zeros, and a MAC that is derived
from the IP address, so that a packet without ``mac`` was delivered directly.
"""

from __future__ import annotations

import struct
import zlib
from ipaddress import IPv4Address, IPv6Address

from analyzer.wire import arp, icmp, ipv4, tcp
from analyzer.wire.packet import IP, Body, Echo, IcmpError, IsAt, OtherIp, Packet, Quote, Redirect, Tcp, Udp, WhoHas

TTL, WINDOW, MTU = 64, 64240, 65535
BROADCAST = "ff:ff:ff:ff:ff:ff"
IPV4_TYPE, ARP_TYPE, IPV6_TYPE, VLAN_TYPE = 0x0800, 0x0806, 0x86DD, 0x8100
DONT_FRAGMENT = 0x4000
OVERRIDE = 0x20
ALL_NODES = IPv6Address("ff02::1")


def mac_of(address: IP) -> str:
    """The MAC of a host that is not named: the same address always gives the same, locally administered one."""
    if isinstance(address, IPv4Address):
        return _mac_text(b"\x02\x00" + address.packed)
    if address.is_multicast:
        return _mac_text(b"\x33\x33" + address.packed[12:])     # RFC 2464 §7
    return _mac_text(b"\x02\x06" + zlib.crc32(address.packed).to_bytes(4, "big"))


def _mac_text(octets: bytes) -> str:
    return octets.hex(":")


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def checksum(octets: bytes) -> int:
    """The Internet checksum (RFC 1071 §1) of whole octets."""
    if len(octets) % 2:
        octets += b"\0"
    total: int = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _summed(octets: bytes, at: int, pseudo: bytes = b"") -> bytes:
    """``octets`` with their checksum at ``at``; a sum of 0 is sent as FFFF, which every protocol accepts."""
    value = checksum(pseudo + octets) or 0xFFFF
    return octets[:at] + value.to_bytes(2, "big") + octets[at + 2:]


def _pseudo(src: IP, dst: IP, protocol: int, size: int) -> bytes:
    """Pseudo header: RFC 9293 §3.1, RFC 8200 §8.1."""
    if src.version == 4:
        return src.packed + dst.packed + struct.pack("!BBH", 0, protocol, size & 0xFFFF)
    return src.packed + dst.packed + struct.pack("!IxxxB", size, protocol)


def ip_packet(
    src: IP, dst: IP, protocol: int, payload: bytes, ttl: int = TTL, ip_id: int = 0,
) -> bytes:
    """An IP packet; one that is longer than its length field can say carries 0 there, as offloading leaves it."""
    if src.version == 6:
        size = len(payload) if len(payload) <= MTU else 0
        return struct.pack("!IHBB", 6 << 28, size, protocol, ttl) + src.packed + dst.packed + payload
    size = ipv4.SIZE + len(payload)
    head = struct.pack("!BBHHHBBH", 0x45, 0, size if size <= MTU else 0, ip_id, DONT_FRAGMENT, ttl, protocol, 0)
    head = _summed(head + src.packed + dst.packed, 10)
    return head + payload


def _tcp(body: Tcp) -> bytes:
    options = b""
    if body.mss is not None:
        options += struct.pack("!BBH", tcp.MSS, tcp.MSS_SIZE, body.mss)
    if body.timestamps is not None:
        options += struct.pack("!BBBBII", 1, 1, tcp.TIMESTAMPS, tcp.TIMESTAMPS_SIZE, *body.timestamps)
    window = WINDOW if body.window is None else body.window
    offset = (tcp.SIZE + len(options)) // 4 << 4
    segment = struct.pack("!HHIIBBHHH", body.src_port, body.dst_port, body.seq, body.ack or 0, offset, body.flags,
                          window, 0, 0) + options + bytes(body.payload_bytes)
    return _summed(segment, tcp.CHECKSUM, _pseudo(body.src, body.dst, ipv4.TCP, len(segment)))


def _udp(body: Udp) -> bytes:
    size = 8 + body.payload_bytes
    datagram = struct.pack("!HHHH", body.src_port, body.dst_port, size if size <= MTU else 0, 0)
    datagram += body.data.ljust(body.payload_bytes, b"\0")
    return _summed(datagram, 6, _pseudo(body.src, body.dst, ipv4.UDP, len(datagram)))


def _quoted(quote: Quote) -> bytes:
    """The IP header and the first 64 bits behind it (RFC 792)."""
    if quote.protocol in (ipv4.ICMP, ipv4.ICMPV6):
        kind = icmp.ECHO if quote.protocol == ipv4.ICMP else icmp.V6_ECHO
        begin = struct.pack("!BBHHH", kind, 0, 0, quote.src_port, (quote.seq or 0) & 0xFFFF)
    elif quote.protocol == ipv4.UDP:
        begin = struct.pack("!HHHH", quote.src_port, quote.dst_port, 8, 0)
    else:
        begin = struct.pack("!HHI", quote.src_port, quote.dst_port, quote.seq or 0)
    return ip_packet(quote.src, quote.dst, quote.protocol, begin)


def _icmp(src: IP, dst: IP, head: tuple[int, int], rest: bytes, payload: bytes) -> bytes:
    """ICMP or ICMPv6, whichever belongs to the addresses: type and code, four octets, the rest."""
    octets = bytes(head) + b"\0\0" + rest + payload
    return _summed(octets, 2, _pseudo(src, dst, ipv4.ICMPV6, len(octets)) if src.version == 6 else b"")


def _redirect(body: Redirect) -> bytes:
    quote = body.quote or Quote(body.dst, body.destination, 0)
    quoted = _quoted(quote)
    if body.src.version == 4:
        return _icmp(body.src, body.dst, (icmp.REDIRECT, 1), body.gateway.packed, quoted)
    option = b""
    if body.quote:
        quoted += bytes(-len(quoted) % 8)
        option = struct.pack("!BBxxxxxx", icmp.REDIRECTED, 1 + len(quoted) // 8) + quoted
    return _icmp(body.src, body.dst, (icmp.V6_REDIRECT, 0), bytes(4),
                 body.gateway.packed + body.destination.packed + option)


def _error(body: IcmpError) -> bytes:
    quoted = _quoted(body.quote) if body.quote else b""
    return _icmp(body.src, body.dst, (body.type, body.code), struct.pack("!I", body.mtu), quoted)


def _echo(body: Echo) -> bytes:
    request, reply = (icmp.ECHO, icmp.ECHO_REPLY) if body.src.version == 4 else (icmp.V6_ECHO, icmp.V6_ECHO_REPLY)
    rest = struct.pack("!HH", body.identifier, body.seq)
    return _icmp(body.src, body.dst, (reply if body.reply else request, 0), rest, bytes(body.payload_bytes))


def _arp(operation: int, mac: str, sender: IP, target_mac: bytes, target: IP) -> bytes:
    head = struct.pack("!HHHH", arp.ETHERNET, arp.IPV4, arp.SIX_AND_FOUR, operation)
    return head + _mac(mac) + sender.packed + target_mac + target.packed


def solicited_node(target: IP) -> IPv6Address:
    """The multicast group that a neighbour solicitation goes to (RFC 4291 §2.7.1)."""
    return IPv6Address(IPv6Address("ff02::1:ff00:0").packed[:13] + target.packed[13:])


def _claim(body: WhoHas | IsAt, macs: tuple[str, str]) -> tuple[int, bytes]:
    """Ethertype and payload of ARP or neighbour discovery."""
    if isinstance(body, WhoHas):
        mac, src, target, to = body.mac or macs[0], body.asker, body.target, body.target
    else:
        mac, src, target, to = body.mac, body.address, body.address, body.to or body.address
    if src.version == 4:
        if isinstance(body, WhoHas):
            return ARP_TYPE, _arp(arp.REQUEST, mac, src, bytes(6), target)
        return ARP_TYPE, _arp(arp.REPLY, mac, src, _mac(macs[1]), to)
    option, kind, rest = icmp.SOURCE_MAC, icmp.V6_SOLICIT, 0
    dst: IP = solicited_node(target)
    if isinstance(body, IsAt):
        option, kind = icmp.TARGET_MAC, icmp.V6_ADVERT
        rest, dst = (icmp.SOLICITED | OVERRIDE, body.to) if body.to else (OVERRIDE, ALL_NODES)
    # RFC 4861 §4.3: a host that has no address yet names no MAC.
    options = b"" if src == IPv6Address("::") else bytes((option, 1)) + _mac(mac)
    message = _icmp(src, dst, (kind, 0), bytes((rest, 0, 0, 0)), target.packed + options)
    return IPV6_TYPE, ip_packet(src, dst, ipv4.ICMPV6, message, 255)


def _ip_payload(body: Body) -> tuple[int, bytes]:
    match body:
        case Tcp():
            return ipv4.TCP, _tcp(body)
        case Udp():
            return ipv4.UDP, _udp(body)
        case OtherIp():
            return body.protocol, bytes(body.payload_bytes)
        case Echo():
            octets = _echo(body)
        case IcmpError():
            octets = _error(body)
        case Redirect():
            octets = _redirect(body)
        case WhoHas() | IsAt():
            raise TypeError("ARP and neighbour discovery are built by _claim")
    return (ipv4.ICMP if body.src.version == 4 else ipv4.ICMPV6), octets


def default_macs(body: Body) -> tuple[str, str]:
    """Source and destination MAC of a packet that went straight from one host to the other."""
    match body:
        case WhoHas():
            to = BROADCAST if body.target.version == 4 else mac_of(solicited_node(body.target))
            return body.mac or mac_of(body.asker), to
        case IsAt():
            everybody = BROADCAST if body.address.version == 4 else mac_of(ALL_NODES)
            return body.mac, mac_of(body.to) if body.to else everybody
        case _:
            return mac_of(body.src), mac_of(body.dst)


def frame(packet: Packet) -> bytes:
    """The Ethernet frame of a packet, with valid checksums."""
    body = packet.body
    macs = packet.macs or default_macs(body)
    if isinstance(body, WhoHas | IsAt):
        ethertype, payload = _claim(body, macs)
    else:
        protocol, octets = _ip_payload(body)
        ttl = packet.ttl if packet.ttl is not None else 255 if isinstance(body, Redirect) else TTL
        payload = ip_packet(body.src, body.dst, protocol, octets, ttl, packet.ip_id or 0)
        ethertype = IPV4_TYPE if body.src.version == 4 else IPV6_TYPE
    tag = struct.pack("!HH", VLAN_TYPE, packet.vlan) if packet.vlan else b""
    return _mac(macs[1]) + _mac(macs[0]) + tag + ethertype.to_bytes(2, "big") + payload
