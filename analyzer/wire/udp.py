"""UDP header (RFC 768), and the ports behind which a tunnel may begin.

     0                   1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-------------------------------+-------------------------------+
  0 |          Source port          |       Destination port        |
  4 |            Length             |           Checksum            |
    +-------------------------------+-------------------------------+

Length 0 is a jumbogram (RFC 2675 §4) or an offloaded one: up to the end of the IP packet.
"""

from __future__ import annotations

from analyzer import tables
from analyzer.tables import MALFORMED
from analyzer.wire.frame import DONE, U32_MAX, Frame, Layer, Next, Stop

SRC_PORT, DST_PORT, LENGTH, SIZE = 0, 2, 4, 8

TUNNEL_PORTS: dict[int, Layer] = {
    4789: Layer.VXLAN,    # RFC 7348 §8
    4790: Layer.VXLAN_GPE,
    8472: Layer.VXLAN,    # Linux, before there was a number
    6081: Layer.GENEVE,   # RFC 8926 §3.3
    2152: Layer.GTP,      # 3GPP TS 29.281 §4.4.2.3
}
"""Destination ports only: the source port of these tunnels spreads load and means nothing."""


def read(frame: Frame, at: int) -> Next:
    """Ports, payload length, and the first four octets of the payload in ``seq``."""
    row = frame.row
    row["kind"] = tables.UDP
    frame.need(at, LENGTH)
    row["src_port"] = frame.u16(at + SRC_PORT)
    row["dst_port"] = frame.u16(at + DST_PORT)
    frame.need(at, SIZE)
    length, room = frame.u16(at + LENGTH), frame.wire_end - at
    if 0 < length < SIZE:
        raise Stop(MALFORMED)
    payload = (min(length, room) if length else room) - SIZE
    row["payload_bytes"] = min(payload, U32_MAX)
    frame.narrow(at + SIZE + payload)
    begin = frame.octets[at + SIZE:min(at + SIZE + 4, frame.end)]
    row["seq"] = int.from_bytes(begin.ljust(4, b"\0"), "big")
    layer = TUNNEL_PORTS.get(row["dst_port"])
    return (layer, at + SIZE) if layer is not None else DONE
