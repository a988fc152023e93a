"""A decoded row as a packet: what the text form shows of the columns."""

from __future__ import annotations

from collections.abc import Mapping

from analyzer import tables
from analyzer.tables import AddressBook, Column
from analyzer.wire.packet import (
    IP,
    Body,
    Echo,
    IcmpError,
    IsAt,
    OtherIp,
    Packet,
    Quote,
    Redirect,
    Tcp,
    Udp,
    WhoHas,
)

ECHO_REPLIES = (0, 129)


def from_row(
    columns: Mapping[str, Column], row: int, book: AddressBook, *, zero_ns: int = 0, vantage: str = "",
    brief: bool = False,
) -> Packet | None:
    """The packet in one row of ``PACKETS``; None where the row is not a packet of IP, ARP or neighbour discovery.

    Times count from ``zero_ns``.  ``brief`` leaves out what a reader of a ladder can
    do without: MACs, TTL, identification, window, options.
    """
    values = {name: int(column[row]) for name, column in columns.items()}
    if not (values["src"] and values["dst"]):
        return None
    body = _body(values, book, brief=brief)
    time_ns = max(values["time_ns"] - zero_ns, 0)
    if brief:
        return Packet(time_ns, body, vantage=vantage)
    macs = None
    if values["src_mac"] and values["dst_mac"]:
        macs = (book.text(values["src_mac"]), book.text(values["dst_mac"]))
    claim = isinstance(body, WhoHas | IsAt)
    return Packet(time_ns, body, None if claim else values["ttl"], None if claim else values["ip_id"] or None,
                  values["vlan"], macs, vantage)


def _body(
    values: Mapping[str, int], book: AddressBook, *, brief: bool,
) -> Body:
    src, dst = book.ip(values["src"]), book.ip(values["dst"])
    match values["kind"]:
        case tables.TCP:
            return _tcp(values, src, dst, brief=brief)
        case tables.UDP:
            size, data = values["payload_bytes"], values["seq"].to_bytes(4, "big") if values["seq"] else b""
            return Udp(src, values["src_port"], dst, values["dst_port"], size, data[:size])
        case tables.ICMP_ECHO:
            return Echo(src, dst, values["flags"] in ECHO_REPLIES, values["src_port"], values["seq"],
                        values["payload_bytes"])
        case tables.ICMP_ERROR:
            return IcmpError(src, dst, values["flags"], values["code"], _quote(values, book, src), values["ack"])
        case tables.ICMP_REDIRECT:
            destination = book.ip(values["quote_dst"]) if values["quote_dst"] else dst
            return Redirect(src, dst, destination, book.ip(values["about_ip"]), _quote(values, book, src))
        case tables.ARP_REQUEST | tables.ND_SOLICIT:
            target = dst if values["kind"] == tables.ARP_REQUEST else book.ip(values["about_ip"])
            other = values["about_mac"] and values["about_mac"] != values["src_mac"]
            return WhoHas(target, src, book.text(values["about_mac"]) if other else None)
        case tables.ARP_REPLY | tables.ND_ADVERT:
            mac = book.text(values["about_mac"] or values["src_mac"]) or "00:00:00:00:00:00"
            address = book.ip(values["about_ip"]) if values["about_ip"] else src
            return IsAt(address, mac, None if values["code"] else dst)
        case _:
            return OtherIp(src, dst, values["ip_proto"], values["payload_bytes"])


def _tcp(values: Mapping[str, int], src: IP, dst: IP, *, brief: bool) -> Tcp:
    ack = values["ack"] if values["ack"] or values["flags"] & tables.ACK else None
    head = (src, values["src_port"], dst, values["dst_port"], values["flags"], values["seq"], ack,
            values["payload_bytes"])
    if brief:
        return Tcp(*head)
    return Tcp(*head, (values["tsval"], values["tsecr"]) if values["has_ts"] else None, values["window"],
               values["mss"] or None)


def _quote(values: Mapping[str, int], book: AddressBook, like: IP) -> Quote | None:
    """The quoted packet, where it was long enough to name both ends."""
    if not (values["quote_src"] and values["quote_dst"]):
        return None
    src, dst = book.ip(values["quote_src"]), book.ip(values["quote_dst"])
    if src.version != like.version:
        return None
    seq = values["seq"] if values["quote_proto"] == 6 and values["seq"] else None
    return Quote(src, dst, values["quote_proto"], values["quote_src_port"], values["quote_dst_port"], seq)
