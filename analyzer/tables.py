"""The columns that travel between the folders: name, dtype, unit, meaning.

    capture -> Batch -> wire -> PacketTable -> flow -> FlowTable -> balance, diagnose

A table is a dict of NumPy arrays of one length; the schemas below are the only
place where a column is defined, and the kernels, their slow twins, the evidence
tables and the documentation are all held to them.  Addresses (IPv4, IPv6, MAC)
are interned: a column holds a u32 id of an ``AddressBook``; 0 is "none".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzer.addresses import AddressBook as AddressBook  # the columns' ids mean nothing without it

Column = NDArray[np.generic]
Table = dict[str, Column]


class Field(NamedTuple):
    """One column: its NumPy type, its unit or domain, and what it means."""

    dtype: str
    unit: str
    meaning: str


Schema = Mapping[str, Field]

# What a frame turned out to be -----------------------------------------------------------------

VERDICTS = (
    "ok",               # decoded as far as its kind goes
    "not-ip",           # an ethertype that we do not follow
    "link-unknown",     # a link type that we do not know
    "cut",              # the snap length ended the frame inside a header that we need
    "malformed",        # a header contradicts itself (length below its minimum, version mismatch)
    "too-deep",         # more nested headers than the limit
    "later-fragment",   # an IP fragment without the transport header
)
OK, NOT_IP, LINK_UNKNOWN, CUT, MALFORMED, TOO_DEEP, LATER_FRAGMENT = range(len(VERDICTS))

KINDS = (
    "other",            # IP, but none of the below (OSPF, ESP, SCTP ...), or not IP at all
    "tcp",
    "udp",
    "icmp-echo",        # request or reply, v4 or v6: src_port carries the identifier, seq the sequence number
    "icmp-error",       # unreachable, time exceeded, parameter problem, packet too big: quote_* is filled
    "icmp-redirect",    # v4 type 5, v6 type 137: about_ip = the better next hop, quote_dst = the destination
    "arp-request",      # about_ip / about_mac = the sender's claim, dst = the target address
    "arp-reply",        # about_ip / about_mac = the sender's claim, dst = the target address
    "nd-solicit",       # about_ip = the target; about_mac = source link-layer option
    "nd-advert",        # about_ip / about_mac = the claim (target link-layer option, else 0)
    "icmp-other",       # router solicitation/advertisement, timestamp, MLD ...
)
(OTHER, TCP, UDP, ICMP_ECHO, ICMP_ERROR, ICMP_REDIRECT, ARP_REQUEST, ARP_REPLY,
 ND_SOLICIT, ND_ADVERT, ICMP_OTHER) = range(len(KINDS))

# The packets -----------------------------------------------------------------------------------

PACKETS: Schema = {
    "time_ns": Field("i8", "ns since 1970", "time stamp of the frame"),
    "position": Field("i8", "octets", "where the frame's octets begin in the (decompressed) capture"),
    "captured_bytes": Field("u4", "octets", "octets of the frame that are in the capture"),
    "wire_bytes": Field("u4", "octets", "octets that the frame had on the wire"),
    "interface": Field("u2", "index", "interface block (pcapng) that captured it; 0 in pcap"),
    "ifindex": Field("u4", "index", "interface index from a Linux cooked v2 header; 0 = not said"),
    "direction": Field("u1", "0-3", "cooked packet type: 0 not said, 1 to us, 2 to another host, 3 sent by us"),
    "verdict": Field("u1", "VERDICTS", "how far the frame could be decoded"),
    "kind": Field("u1", "KINDS", "what it is"),
    "vlan": Field("u2", "tag", "VLAN identifier next to the IP header; 0 = untagged"),
    "tunnel": Field("u4", "path id", "interned path of tunnels around the packet; 0 = none"),
    "src_mac": Field("u4", "address id", "source MAC of the innermost Ethernet header (or of the cooked header)"),
    "dst_mac": Field("u4", "address id", "destination MAC; 0 in cooked captures, which do not keep it"),
    "src": Field("u4", "address id", "source address of the innermost IP header (ARP: sender)"),
    "dst": Field("u4", "address id", "destination address of the innermost IP header (ARP: target)"),
    "ip_proto": Field("u1", "IANA", "protocol after IPv6 extension headers; 0 for ARP"),
    "ttl": Field("u1", "hops", "time to live / hop limit"),
    "ip_id": Field("u2", "", "IPv4 identification; IPv6: lower half of a fragment header's, else 0"),
    "ip_bytes": Field("u4", "octets", "length of the IP packet by its header (where that is 0: as captured)"),
    "src_port": Field("u2", "", "TCP/UDP source port; ICMP echo: identifier; else 0"),
    "dst_port": Field("u2", "", "TCP/UDP destination port; ICMP echo: identifier; else 0"),
    "flags": Field("u1", "bits", "TCP flags FIN=1 SYN=2 RST=4 PSH=8 ACK=16 URG=32 ECE=64 CWR=128; ICMP: the type"),
    "code": Field("u1", "", "ICMP code; ARP/ND: 1 where the claim is gratuitous or unsolicited"),
    "seq": Field("u4", "", "TCP or ICMP echo: sequence number; UDP: the first 4 payload octets, big-endian, "
                           "zero-padded; icmp-error: the quoted TCP sequence number"),
    "ack": Field("u4", "", "TCP acknowledgment number as it stands; icmp-error: next-hop MTU (RFC 1191 §4)"),
    "window": Field("u2", "octets, unscaled", "TCP window"),
    "has_ts": Field("u1", "0/1", "the TCP timestamp option is present (RFC 7323)"),
    "tsval": Field("u4", "", "TSval"),
    "tsecr": Field("u4", "", "TSecr"),
    "mss": Field("u2", "octets", "MSS option; 0 = absent"),
    "payload_bytes": Field("u4", "octets", "behind the last header that we follow (TCP, UDP, echo: the payload; a "
                                           "later fragment: all of it), by the headers' lengths, not as captured"),
    "about_ip": Field("u4", "address id", "ARP/ND: the address claimed; redirect: the better next hop"),
    "about_mac": Field("u4", "address id", "ARP/ND: the MAC claimed"),
    "quote_src": Field("u4", "address id", "source address of the packet quoted in an ICMP error or redirect"),
    "quote_dst": Field("u4", "address id", "its destination (redirect: the redirected destination)"),
    "quote_proto": Field("u1", "IANA", "its protocol"),
    "quote_src_port": Field("u2", "", "its source port"),
    "quote_dst_port": Field("u2", "", "its destination port"),
}

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128

# The flows -------------------------------------------------------------------------------------

STATES = (
    "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR", "OTH", "SH?", "UDP1", "UDP2",
)
"""Zeek's conn_state; ``SH?`` is ours: a SYN-ACK to a SYN that this vantage point never saw.
UDP and ICMP echo: ``UDP1`` one way, ``UDP2`` both ways."""


def _marked(prefix: str, what: str) -> dict[str, Field]:
    """The columns kept of one packet that matters: where it is, and all that tells its path."""
    return {
        f"{prefix}_frame": Field("u4", "frame number", f"{what}: its frame; 0 = not seen"),
        f"{prefix}_position": Field("i8", "octets", f"{what}: where its octets are in the capture"),
        f"{prefix}_ns": Field("i8", "ns since 1970", f"{what}: when"),
        f"{prefix}_seq": Field("u4", "", f"{what}: sequence number"),
        f"{prefix}_ack": Field("u4", "", f"{what}: acknowledgment number"),
        f"{prefix}_tsval": Field("u4", "", f"{what}: TSval (0 where absent)"),
        f"{prefix}_tsecr": Field("u4", "", f"{what}: TSecr (0 where absent)"),
        f"{prefix}_ttl": Field("u1", "hops", f"{what}: time to live"),
        f"{prefix}_ip_id": Field("u2", "", f"{what}: IPv4 identification"),
        f"{prefix}_src_mac": Field("u4", "address id", f"{what}: source MAC"),
        f"{prefix}_dst_mac": Field("u4", "address id", f"{what}: destination MAC"),
    }


MARKS = {
    "syn": "first SYN of the initiator",
    "syn2": "the same SYN seen at another hop (other MACs or TTL)",
    "synack": "first SYN-ACK",
    "synack2": "the same SYN-ACK seen at another hop (other MACs or TTL)",
    "estab": "first segment of the initiator that acknowledges the SYN-ACK (the handshake's third)",
    "rst_i": "first RST of the initiator",
    "rst_r": "first RST of the responder",
    "data_i": "first payload of the initiator (UDP, echo: first packet)",
    "data_r": "first payload of the responder (UDP, echo: first packet)",
    "data_r2": "the same payload of the responder seen at another hop",
    "fin_i": "first FIN of the initiator",
    "fin_r": "first FIN of the responder",
    "last_i": "last packet of the initiator",
    "last_r": "last packet of the responder",
}

FLOWS: Schema = {
    "flow": Field("u4", "id", "number of the flow within its capture, from 0, in order of first packet"),
    "capture": Field("u2", "index", "which capture saw it"),
    "interface": Field("u2", "index", "interface block of its first packet"),
    "kind": Field("u1", "KINDS", "tcp, udp or icmp-echo"),
    "tunnel": Field("u4", "path id", "path of tunnels (part of the flow's identity)"),
    "vlan": Field("u2", "tag", "VLAN of its first packet (not part of the identity)"),
    "initiator": Field("u4", "address id", "who sent the SYN (or, without one, see flow/states.py)"),
    "initiator_port": Field("u2", "", ""),
    "responder": Field("u4", "address id", "who was asked"),
    "responder_port": Field("u2", "", ""),
    "state": Field("u1", "STATES", "what this vantage point observed, in Zeek's words"),
    "history": Field("u4", "bits", "Zeek's history letters as bits, see flow/states.py"),
    "first_ns": Field("i8", "ns since 1970", "first packet"),
    "last_ns": Field("i8", "ns since 1970", "last packet"),
    "packets_i": Field("u4", "packets", "from the initiator, without duplicates"),
    "packets_r": Field("u4", "packets", "from the responder, without duplicates"),
    "bytes_i": Field("u8", "octets", "payload from the initiator, without duplicates"),
    "bytes_r": Field("u8", "octets", "payload from the responder, without duplicates"),
    "duplicates": Field("u4", "packets", "copies of packets already seen (mirror, `any`, routed copy)"),
    "syn_count": Field("u4", "packets", "SYNs of the initiator (retransmissions included, duplicates not)"),
    "synack_count": Field("u4", "packets", "SYN-ACKs (retransmissions included, duplicates not)"),
    "synack_last_seq": Field("u4", "", "of the last SYN-ACK: another than the first where the server began again"),
    "rst_i_count": Field("u4", "packets", "RSTs of the initiator"),
    "rst_r_count": Field("u4", "packets", "RSTs of the responder"),
    "rst_i_flags": Field("u1", "bits", "TCP flags of the initiator's first RST"),
    "rst_r_flags": Field("u1", "bits", "TCP flags of the responder's first RST"),
    "retrans_i": Field("u4", "segments", "payload segments sent again by the initiator"),
    "retrans_r": Field("u4", "segments", "payload segments sent again by the responder"),
    "retrans_i_bytes": Field("u4", "octets", "largest IP packet among those of the initiator"),
    "retrans_r_bytes": Field("u4", "octets", "largest IP packet among those of the responder"),
    "passed_i_bytes": Field("u4", "octets", "largest IP packet of the initiator that was acknowledged"),
    "passed_r_bytes": Field("u4", "octets", "largest IP packet of the responder that was acknowledged"),
    "window_i": Field("u2", "octets, unscaled", "window of the SYN"),
    "window_r": Field("u2", "octets, unscaled", "window of the SYN-ACK"),
    "mss_i": Field("u2", "octets", "MSS of the SYN"),
    "mss_r": Field("u2", "octets", "MSS of the SYN-ACK"),
    "dst_macs_i": Field("u1", "count", "different destination MACs among the initiator's packets (capped at 255)"),
    "dst_macs_r": Field("u1", "count", "different destination MACs among the responder's packets (capped at 255)"),
    **{name: column for prefix, what in MARKS.items() for name, column in _marked(prefix, what).items()},
}


# What else the packets say -----------------------------------------------------------------------

CLAIMS: Schema = {
    "capture": Field("u2", "index", "which capture saw it"),
    "kind": Field("u1", "KINDS", "arp-request, arp-reply, nd-solicit or nd-advert"),
    "ip": Field("u4", "address id", "the address that is claimed (a solicitation: the address that is asked for)"),
    "mac": Field("u4", "address id", "the MAC that claims it (a solicitation: the one that asks)"),
    "asker": Field("u4", "address id", "ARP: the other address of the packet; ND: the IP source"),
    "src_mac": Field("u4", "address id", "source MAC of the frame itself"),
    "gratuitous": Field("u1", "0/1", "nobody asked (RFC 5227 §3, RFC 4861 §7.2.6)"),
    "first_frame": Field("u4", "frame number", "first such packet"),
    "first_ns": Field("i8", "ns since 1970", "first such packet"),
    "last_ns": Field("i8", "ns since 1970", "last such packet"),
    "count": Field("u4", "packets", "how many alike"),
}
"""ARP and neighbour discovery, one row for packets alike in all columns up to ``gratuitous``."""

ICMP_EVENTS: Schema = {
    "capture": Field("u2", "index", "which capture saw it"),
    "kind": Field("u1", "KINDS", "icmp-error or icmp-redirect"),
    "type": Field("u1", "", "ICMP type"),
    "code": Field("u1", "", "ICMP code"),
    "src": Field("u4", "address id", "who complains"),
    "dst": Field("u4", "address id", "to whom"),
    "src_mac": Field("u4", "address id", "source MAC"),
    "dst_mac": Field("u4", "address id", "destination MAC"),
    "ttl": Field("u1", "hops", "time to live"),
    "about_ip": Field("u4", "address id", "redirect: the better next hop"),
    "quote_src": Field("u4", "address id", "source of the quoted packet"),
    "quote_dst": Field("u4", "address id", "destination of the quoted packet; redirect: the redirected destination"),
    "quote_proto": Field("u1", "IANA", "protocol of the quoted packet"),
    "quote_src_port": Field("u2", "", "source port of the quoted packet"),
    "quote_dst_port": Field("u2", "", "destination port of the quoted packet"),
    "mtu": Field("u4", "octets", "packet too big / fragmentation needed: next-hop MTU; else 0"),
    "first_frame": Field("u4", "frame number", "first such packet"),
    "first_ns": Field("i8", "ns since 1970", "first such packet"),
    "last_ns": Field("i8", "ns since 1970", "last such packet"),
    "count": Field("u4", "packets", "how many alike"),
}
"""ICMP errors and redirects, one row for packets alike in all columns up to ``mtu``."""


def empty(schema: Schema, rows: int = 0) -> Table:
    """A table of ``rows`` zeros."""
    return {name: np.zeros(rows, dtype=column.dtype) for name, column in schema.items()}


@dataclass(frozen=True, slots=True)
class Batch:
    """Frames of one capture, still as octets: row i is ``octets[start[i] : start[i] + captured_bytes[i]]``.

    Shapes: every array has one entry a frame.  ``octets`` is any one-dimensional
    buffer of uint8.  ``position`` is where the frame is in the whole
    (decompressed) capture, for reading it again; ``first_frame`` is the frame
    number of row 0.
    """

    octets: NDArray[np.uint8]
    start: NDArray[np.int64]
    captured_bytes: NDArray[np.uint32]
    wire_bytes: NDArray[np.uint32]
    time_ns: NDArray[np.int64]
    link_type: NDArray[np.uint16]
    interface: NDArray[np.uint16]
    position: NDArray[np.int64]
    first_frame: int

    def __len__(self) -> int:
        return len(self.start)

    def frame(self, row: int) -> bytes:
        """The octets of one frame."""
        begin = int(self.start[row])
        return self.octets[begin : begin + int(self.captured_bytes[row])].tobytes()


@dataclass(frozen=True, slots=True)
class PacketTable:
    """The decoded frames of one batch: ``columns`` follow ``PACKETS``."""

    columns: Table
    first_frame: int

    def __len__(self) -> int:
        return len(self.columns["time_ns"])
