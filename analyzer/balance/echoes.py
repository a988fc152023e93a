"""ICMP echo to a virtual address (RFC 792, RFC 4443 §4): the legs of those exchanges that a balancer shows itself in.

An echo has no port and no handshake.  Its identifier stands for the client's
port, its first sequence number for the ISN, and the server's port is 0.  Most
pings have nothing to do with a balancer, and many are never answered: a leg is
made only of

    a declared service   ``protocol: icmp``
    a stray reply        a reply that nobody at that address was asked for, with the identifier and a sequence number
                         of a request that went to another address and has no reply
    a translated one     the same request (IP identification, too) to two addresses, the second one hop further

A reply to a request that was sent to a group of hosts comes from any of them, and is not stray.
"""

from __future__ import annotations

from analyzer.tables import ICMP_ECHO

REPLY_WITHIN_NS = 30_000_000_000
"""How long after a request its reply may come (conntrack's own 30 s for ICMP)."""

_MARKED = ("position", "ns", "ttl", "src_mac", "dst_mac", "ip_id")


def _packet(side: str, *, seq: bool = False) -> str:
    """SQL: a request's or a reply's columns of ``leg``, NULL where the flow has none."""
    columns = ("frame", *_MARKED, "seq") if seq else ("frame", *_MARKED)
    return ", ".join(f"CASE WHEN data_{side}_frame > 0 THEN data_{side}_{column} END" for column in columns)


ECHO_LEG = f"""
INSERT INTO leg
WITH echo AS (
    SELECT f.*, CASE WHEN data_i_frame > 0 THEN data_i_seq ELSE data_r_seq END::BIGINT AS token,
           -- sent to a group, or to a network's own broadcast address
           c.group_address OR coalesce(m.group_address, FALSE) AS to_group
    FROM flow AS f
    JOIN address AS c ON c.id = f.responder
    LEFT JOIN address AS m ON m.id = f.data_i_dst_mac
    WHERE f.kind = {ICMP_ECHO}
), stray AS (
    SELECT r.capture, r.flow, q.initiator, q.initiator_port, q.token
    FROM echo AS r
    JOIN echo AS q ON (q.initiator, q.initiator_port) = (r.initiator, r.initiator_port)
                  AND q.responder <> r.responder AND q.capture = r.capture
                  AND r.token >= q.token AND r.token < q.token + q.packets_i
                  AND r.first_ns >= q.first_ns AND r.first_ns::HUGEINT - q.last_ns <= {REPLY_WITHIN_NS}
    WHERE r.data_i_frame = 0 AND q.data_r_frame = 0 AND NOT q.to_group
    QUALIFY row_number() OVER (PARTITION BY r.capture, r.flow ORDER BY q.first_ns DESC, q.flow) = 1
        AND count(*) OVER (PARTITION BY q.capture, q.flow) = 1
), translated AS (
    SELECT f.initiator, f.initiator_port, f.token
    FROM echo AS f
    JOIN echo AS b ON (b.initiator, b.initiator_port, b.token) = (f.initiator, f.initiator_port, f.token)
                  AND b.responder <> f.responder AND f.data_i_ip_id = b.data_i_ip_id AND f.data_i_ip_id > 0
                  AND f.data_i_ttl > b.data_i_ttl
    WHERE f.token > 0
), wanted AS (
    SELECT initiator, initiator_port, token FROM stray
    UNION
    SELECT * FROM translated
    UNION
    SELECT e.initiator, e.initiator_port, e.token
    FROM echo AS e
    JOIN nat AS n ON n.kind = e.kind AND n.vip = e.responder
), mine AS (
    SELECT e.* EXCLUDE (token), coalesce(s.token, e.token) AS token
    FROM echo AS e
    LEFT JOIN stray AS s USING (capture, flow)
    WHERE (e.initiator, e.initiator_port, coalesce(s.token, e.token)) IN
          (SELECT (initiator, initiator_port, token) FROM wanted)
)
SELECT capture, flow, kind, tunnel, initiator, initiator_port, responder, 0, token,
       {_packet('i')}, packets_i, 0,
       CASE WHEN data_r_frame > 0 THEN 'echo' END, {_packet('r', seq=True)}, packets_r,
       {', '.join(['NULL'] * 7)},
       -- as for other datagrams: one that leaves for a third next hop may never have arrived
       data_i_frame > 0 AND data_r_frame > 0
           AND (data_r_dst_mac IN (0, data_i_src_mac, data_i_dst_mac) OR data_i_src_mac = 0
                OR EXISTS (SELECT 1 FROM address AS m WHERE m.virtual_mac AND m.id = data_r_dst_mac)),
       0, data_i_frame, data_r_frame, first_ns, last_ns, 0, 0, 0, 0, 0
FROM mine
"""
"""Rows of ``leg`` like those of datagrams (``legs.DATAGRAM_LEG``)."""
