"""ARP for IPv4 on Ethernet (RFC 826).

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-------------------------------+-------------------------------+
  0 |        Hardware type          |         Protocol type         |
  4 |  HW length    |  Prot length  |           Operation           |
  8 |                          Sender MAC                           |
 12 |                               |          Sender IP ...        |
 16 |           ... Sender IP       |          Target MAC ...       |
 20 |                                                               |
 24 |                           Target IP                           |
    +---------------------------------------------------------------+

What a sender says of itself is a claim, in a request as well as in a reply.
"""

from __future__ import annotations

from analyzer.tables import ARP_REPLY, ARP_REQUEST, NOT_IP
from analyzer.wire.frame import DONE, Frame, Next, Stop

HARDWARE, PROTOCOL, LENGTHS, OPERATION, SENDER_MAC, SENDER_IP, TARGET_MAC, TARGET_IP = 0, 2, 4, 6, 8, 14, 18, 24
FIXED_SIZE, SIZE = 8, 28
ETHERNET, IEEE802, IPV4, SIX_AND_FOUR = 1, 6, 0x0800, 0x0604
REQUEST, REPLY = 1, 2


def read(frame: Frame, at: int) -> Next:
    """The sender's claim, and whether anybody asked for it.

    Gratuitous: the sender names itself as the target (RFC 5227 §3), or a reply
    goes to everybody.  A probe (sender 0.0.0.0, RFC 5227 §1.1) claims nothing.
    """
    frame.need(at, FIXED_SIZE)
    if (frame.u16(at + HARDWARE) not in (ETHERNET, IEEE802) or frame.u16(at + PROTOCOL) != IPV4
            or frame.u16(at + LENGTHS) != SIX_AND_FOUR):
        raise Stop(NOT_IP)
    frame.need(at, SIZE)
    row = frame.row
    operation = frame.u16(at + OPERATION)
    row["about_mac"] = frame.address(at + SENDER_MAC, 6)
    row["src"] = frame.address(at + SENDER_IP, 4)
    row["dst"] = frame.address(at + TARGET_IP, 4)
    row["about_ip"] = row["src"] if frame.u32(at + SENDER_IP) else 0
    same = row["about_ip"] != 0 and row["src"] == row["dst"]
    if operation == REQUEST:
        row["kind"] = ARP_REQUEST
        row["code"] = int(same)
    elif operation == REPLY:
        row["kind"] = ARP_REPLY
        row["code"] = int(same or frame.broadcast)
    return DONE
