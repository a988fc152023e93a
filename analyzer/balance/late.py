"""Connections whose beginning nobody captured, and whose data come from an address that the client never called.

Without a SYN a connection is known by the client's address and port alone.  That
the data of a second address belong to it is shown by what translation leaves
alone, all at once: they acknowledge what the client sent there (RFC 9293 §3.4),
they go on in the virtual service's own sequence numbers, and they echo the
client's time stamps (RFC 7323 §3.2).
"""

from __future__ import annotations

from analyzer.tables import TCP

NEAR = 1 << 20
"""How far on, in octets or ticks, the numbers of one connection may have moved between two packets of it."""

LASTS_NS = 120_000_000_000


def _within(number: str, first: str, last: str) -> str:
    """SQL: a number lies between two others of its circle, or a little past the second."""
    return (f"(({number}::BIGINT - {first}::BIGINT) & 4294967295) "
            f"<= (({last}::BIGINT - {first}::BIGINT) & 4294967295) + {NEAR}")


LATE = """
CREATE TABLE late (
    capture USMALLINT, flow UINTEGER, client UINTEGER, client_port USMALLINT, server UINTEGER, server_port USMALLINT,
    isn BIGINT, first_ns BIGINT, last_ns BIGINT, frame UINTEGER, ns BIGINT, src_mac UINTEGER, dst_mac UINTEGER,
    ttl UTINYINT, stray_flow UINTEGER
)
"""
"""A conversation whose beginning is missing, and the flow of data that belongs to it (``stray_flow``);
``isn`` is the client's first sequence number in sight; ``frame`` to ``ttl`` are those of the first payload
that came from the address which the client talks to."""

FOUND = f"""
INSERT INTO late
WITH headless AS (
    SELECT * FROM flow WHERE kind = {TCP} AND syn_frame = 0 AND synack_frame = 0
), live AS (
    -- a conversation: both ends speak; it is tried which of them is the client
    SELECT capture, flow, initiator AS client, initiator_port AS client_port, responder AS server,
           responder_port AS server_port, first_ns, last_ns, data_i_seq AS first_seq, last_i_seq AS last_seq,
           data_i_tsval AS first_ts, last_i_tsval AS last_ts, data_r_seq AS their_first, last_r_seq AS their_last,
           data_r_frame AS frame, data_r_ns AS ns, data_r_src_mac AS src_mac, data_r_dst_mac AS dst_mac,
           data_r_ttl AS ttl
    FROM headless
    WHERE data_i_frame > 0 AND data_r_frame > 0
    UNION ALL
    SELECT capture, flow, responder, responder_port, initiator, initiator_port, first_ns, last_ns,
           data_r_seq, last_r_seq, data_r_tsval, last_r_tsval, data_i_seq, last_i_seq,
           data_i_frame, data_i_ns, data_i_src_mac, data_i_dst_mac, data_i_ttl
    FROM headless
    WHERE data_i_frame > 0 AND data_r_frame > 0
), stray AS (
    -- an end that sends payload and is never sent any
    SELECT capture, flow, initiator AS client, initiator_port AS client_port, responder AS server,
           responder_port AS server_port, data_r_ns AS ns, data_r_seq AS seq, data_r_ack AS ack, data_r_tsecr AS tsecr
    FROM headless
    WHERE data_r_frame > 0 AND data_i_frame = 0
    UNION ALL
    SELECT capture, flow, responder, responder_port, initiator, initiator_port, data_i_ns, data_i_seq, data_i_ack,
           data_i_tsecr
    FROM headless
    WHERE data_i_frame > 0 AND data_r_frame = 0
)
SELECT v.capture, v.flow, v.client, v.client_port, v.server, v.server_port, v.first_seq::BIGINT AS isn,
       v.first_ns, v.last_ns, v.frame, v.ns, v.src_mac, v.dst_mac, v.ttl, s.flow AS stray_flow
FROM live AS v
JOIN stray AS s ON s.capture = v.capture AND (s.client, s.client_port) = (v.client, v.client_port)
               AND (s.server, s.server_port) <> (v.server, v.server_port)
               AND s.ns >= v.first_ns AND s.ns::HUGEINT - v.last_ns <= {LASTS_NS}
WHERE {_within('s.ack', 'v.first_seq', 'v.last_seq')}
  AND {_within('s.seq', 'v.their_first', 'v.their_last')}
  AND s.tsecr > 0 AND v.first_ts > 0
  AND {_within('s.tsecr', 'v.first_ts', 'v.last_ts')}
QUALIFY row_number() OVER (PARTITION BY v.capture, v.client, v.client_port ORDER BY v.first_ns, v.flow, s.ns) = 1
"""
LATE_LEG = f"""
INSERT INTO leg
SELECT capture, flow, {TCP}, 0, client, client_port, server, server_port, isn,
       {', '.join(['NULL'] * 7)}, 0, 0, NULL, {', '.join(['NULL'] * 8)}, 0, {', '.join(['NULL'] * 7)},
       TRUE, 0, 0, 0, first_ns, last_ns, 0, 0, 0, 0, 0
FROM late
"""
"""Its leg: a connection that was completed before the capture began."""
