"""Flows to legs: one side of one connection attempt, as one capture point saw it.

A TCP attempt is known by the client's address, port and initial sequence number
(RFC 9293 §3.4.1): translation leaves all three alone, whoever the SYN is sent to.
So every packet that belongs to an attempt leads to the same key,

    a SYN            its own sequence number
    a SYN-ACK        its acknowledgment number minus one   (RFC 9293 §3.5)
    a refusal        RST,ACK with sequence number 0: acknowledgment minus one (RFC 9293 §3.5.2)
    a rejection      the client's RST to a SYN-ACK that it never asked for: sequence number minus one

and a reply from another address than the one that was dialled still meets its SYN.

The judgement is set-based on purpose: one SQL statement over columns instead of
a loop over flows, so that 200,000 connections cost a tenth of a second.
``diagnose.evidence`` runs these statements; the tables they read are described
by ``tables.FLOWS``, ``tables.CLAIMS`` and ``tables.ICMP_EVENTS``.
"""

from __future__ import annotations

from analyzer.tables import ACK, ICMP_ERROR, TCP, UDP

START_TTLS = "(64, 128, 255)"
"""Start values of the TTL that systems in use choose (Linux and BSD 64, Windows 128, network gear 255)."""

_KEPT = ("position", "ns", "ttl", "src_mac", "dst_mac", "ip_id")


def _mark(prefix: str, name: str, condition: str = "TRUE") -> str:
    """SQL that copies a marked packet of ``flow`` under a new prefix, NULL where it was not seen."""
    seen = f"{prefix}_frame > 0 AND {condition}"
    columns = [f"CASE WHEN {seen} THEN {prefix}_frame END AS {name}_frame"]
    columns += [f"CASE WHEN {seen} THEN {prefix}_{column} END AS {name}_{column}" for column in _KEPT]
    return ",\n       ".join(columns)


def _minus_one(column: str) -> str:
    """SQL for the number before ``column`` on the circle of sequence numbers."""
    return f"(({column}::BIGINT - 1) & 4294967295)"


_REFUSED = f"(rst_{{0}}_frame > 0 AND rst_{{0}}_flags & {ACK} > 0 AND rst_{{0}}_seq = 0)"
_REJECTED = f"(rst_{{0}}_frame > 0 AND rst_{{0}}_flags & {ACK} = 0)"
# an RST elsewhere on the circle answers an old connection's acknowledgment (RFC 9293 §3.5.1), not this SYN's
_OF_THIS = f"{_minus_one('rst_i_seq')} = CASE WHEN syn_frame > 0 THEN syn_seq ELSE {_minus_one('synack_ack')} END"
# a one-way capture: whoever goes on talking to the address that it dialled was answered from there
_GOES_ON = "(syn_frame > 0 AND synack_frame = 0 AND packets_i > syn_count + rst_i_count)"
_ANSWERS = f"(synack_frame > 0 AND (syn_frame = 0 OR {_minus_one('synack_ack')} = syn_seq))"
_REFUSES = f"({_REFUSED.format('r')} AND (syn_frame = 0 OR {_minus_one('rst_r_ack')} = syn_seq))"

LEG = f"""
CREATE TABLE leg AS
-- the client began, or was answered, in plain sight
SELECT capture, flow, kind, tunnel, initiator AS client, initiator_port AS client_port,
       responder AS server, responder_port AS server_port,
       CASE WHEN syn_frame > 0 THEN syn_seq::BIGINT
            WHEN synack_frame > 0 THEN {_minus_one('synack_ack')}
            ELSE {_minus_one('rst_r_ack')} END AS isn,
       {_mark('syn', 'syn')}, syn_count, syn_tsval,
       CASE WHEN {_ANSWERS} THEN 'syn-ack' WHEN {_REFUSES} THEN 'reset' END AS reply,
       {', '.join(f"CASE WHEN {_ANSWERS} THEN synack_{c} WHEN {_REFUSES} THEN rst_r_{c} END AS reply_{c}"
                  for c in ('frame', *_KEPT, 'seq'))},
       CASE WHEN {_ANSWERS} THEN synack_count WHEN {_REFUSES} THEN rst_r_count ELSE 0 END AS reply_count,
       {_mark('rst_i', 'reject',
              f"{_REJECTED.format('i')} AND estab_frame = 0 AND syn_frame + synack_frame > 0 AND {_OF_THIS}")},
       ({_ANSWERS} AND estab_frame > 0) OR {_GOES_ON} AS done,
       estab_frame, data_i_frame, data_r_frame, first_ns, last_ns, mss_i, mss_r, window_i, window_r, syn2_frame
FROM flow
WHERE kind = {TCP} AND (syn_frame > 0 OR synack_frame > 0 OR ({_REFUSED.format('r')} AND packets_i = 0))
UNION ALL
-- nothing but a refusal: who sent it was asked
SELECT capture, flow, kind, tunnel, responder, responder_port, initiator, initiator_port,
       {_minus_one('rst_i_ack')},
       {', '.join(['NULL'] * 7)}, 0, 0,
       'reset',
       {', '.join(f'rst_i_{c}' for c in ('frame', *_KEPT, 'seq'))},
       rst_i_count,
       {', '.join(['NULL'] * 7)},
       FALSE, 0, 0, 0, first_ns, last_ns, 0, 0, 0, 0, 0
FROM flow
WHERE kind = {TCP} AND syn_frame = 0 AND synack_frame = 0 AND {_REFUSED.format('i')} AND packets_r = 0
UNION ALL
-- nothing but rejections: who sent them had been answered by someone it never called
SELECT capture, flow, kind, tunnel, initiator, initiator_port, responder, responder_port,
       {_minus_one('rst_i_seq')},
       {', '.join(['NULL'] * 7)}, 0, 0, NULL, {', '.join(['NULL'] * 8)}, 0,
       {_mark('rst_i', 'reject')},
       FALSE, 0, 0, 0, first_ns, last_ns, 0, 0, 0, 0, 0
FROM flow
WHERE kind = {TCP} AND syn_frame = 0 AND synack_frame = 0
  AND {_REJECTED.format('i')} AND packets_i = rst_i_count AND packets_r = 0
UNION ALL
SELECT capture, flow, kind, tunnel, responder, responder_port, initiator, initiator_port,
       {_minus_one('rst_r_seq')},
       {', '.join(['NULL'] * 7)}, 0, 0, NULL, {', '.join(['NULL'] * 8)}, 0,
       {_mark('rst_r', 'reject')},
       FALSE, 0, 0, 0, first_ns, last_ns, 0, 0, 0, 0, 0
FROM flow
WHERE kind = {TCP} AND syn_frame = 0 AND synack_frame = 0
  AND {_REJECTED.format('r')} AND packets_r = rst_r_count AND packets_i = 0
"""
"""One row per TCP flow that shows how an attempt began or was answered.

``syn_*`` the client's SYN · ``reply``/``reply_*`` the SYN-ACK or refusal ·
``reject_*`` the client's RST that says "no such connection" (RFC 9293 §3.5.2) ·
``done`` the handshake was completed here.  Frames and marks are NULL where not seen.
"""

UDP_REPLY_WITHIN_NS = 30_000_000_000
"""How long after a datagram another host's datagram to the same port can be its answer (conntrack's own 30 s)."""

TURNED = 1 << 32
"""Added to the first octets of a reply that turned to another address in the middle of an exchange: past all others."""

DATAGRAM_LEG = f"""
INSERT INTO leg
WITH one_way AS (
    SELECT *, data_r_frame = 0 AS forth,
           CASE WHEN data_r_frame = 0 THEN initiator ELSE responder END AS sender,
           CASE WHEN data_r_frame = 0 THEN initiator_port ELSE responder_port END AS sender_port,
           CASE WHEN data_r_frame = 0 THEN responder ELSE initiator END AS receiver,
           CASE WHEN data_r_frame = 0 THEN responder_port ELSE initiator_port END AS receiver_port,
           CASE WHEN data_r_frame = 0 THEN data_i_seq ELSE data_r_seq END AS token
    FROM flow
    WHERE kind = {UDP} AND (data_i_frame = 0) <> (data_r_frame = 0)
), refusal AS (
    -- "nobody here asked you": port unreachable, RFC 792 and RFC 4443 §3.1
    SELECT *
    FROM icmp
    WHERE kind = {ICMP_ERROR} AND quote_proto = 17 AND src = quote_dst
      AND ((type = 3 AND code = 3) OR (type = 1 AND code = 4))
), asked AS (
    SELECT capture, flow, sender AS client, sender_port AS client_port,
           receiver AS server, receiver_port AS server_port, token::BIGINT AS token,
           first_ns AS from_ns, first_ns AS to_ns, NULL AS last_i_ns
    FROM one_way
    UNION ALL
    -- it was answered at first, and since then is not: an attempt of its own, whose number is no other's
    SELECT capture, flow, initiator, initiator_port, responder, responder_port, NULL,
           last_r_ns + 1, last_i_ns, last_i_ns
    FROM flow
    WHERE kind = {UDP} AND data_i_frame > 0 AND data_r_frame > 0 AND last_i_ns > last_r_ns
), reply_only AS (
    SELECT w.*, a.token IS NULL AS turned, a.flow AS asked_flow,
           coalesce(a.token, w.token::BIGINT + {TURNED}) AS asked_token, r.first_frame AS refusal_frame,
           r.first_ns AS refusal_ns, r.ttl AS refusal_ttl, r.src_mac AS refusal_src_mac, r.dst_mac AS refusal_dst_mac
    FROM one_way AS w
    JOIN asked AS a ON a.capture = w.capture AND (a.client, a.client_port) = (w.receiver, w.receiver_port)
                   AND a.server <> w.sender
                   AND w.first_ns BETWEEN a.from_ns AND a.to_ns + {UDP_REPLY_WITHIN_NS}
    LEFT JOIN refusal AS r ON r.capture = w.capture AND (r.quote_src, r.quote_dst) = (w.sender, w.receiver)
                     AND (r.quote_src_port, r.quote_dst_port) = (w.sender_port, w.receiver_port)
    LEFT JOIN nat AS n ON n.kind = {UDP} AND (n.vip, n.vport) = (a.server, a.server_port)
                     AND n.rip = w.sender AND n.rport IN (0, w.sender_port)
    -- who goes on asking from a port that refuses a datagram refuses its sender, and has not closed the port
    WHERE (r.first_frame IS NOT NULL AND coalesce(a.last_i_ns > r.first_ns, TRUE)) OR n.vip IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY w.capture, w.flow ORDER BY a.token IS NULL, a.from_ns DESC) = 1
)
SELECT capture, flow, kind, tunnel, sender, sender_port, receiver, receiver_port, token,
       {', '.join(f'CASE WHEN forth THEN data_i_{c} ELSE data_r_{c} END' for c in ('frame', *_KEPT))},
       CASE WHEN forth THEN packets_i ELSE packets_r END, 0,
       NULL, {', '.join(['NULL'] * 8)}, 0, {', '.join(['NULL'] * 7)},
       FALSE, 0, 0, 0, first_ns, last_ns, 0, 0, 0, 0, 0
FROM one_way
WHERE (capture, flow) NOT IN (SELECT capture, flow FROM reply_only)
UNION ALL
SELECT capture, flow, kind, tunnel, receiver, receiver_port, sender, sender_port, asked_token,
       {', '.join(['NULL'] * 7)}, 0, 0,
       'datagram',
       {', '.join(f'CASE WHEN forth THEN data_i_{c} ELSE data_r_{c} END' for c in ('frame', *_KEPT, 'seq'))},
       CASE WHEN forth THEN packets_i ELSE packets_r END,
       refusal_frame, CASE WHEN refusal_frame IS NOT NULL THEN 0 END,
       refusal_ns, refusal_ttl, refusal_src_mac, refusal_dst_mac, CASE WHEN refusal_frame IS NOT NULL THEN 0 END,
       FALSE, 0, 0, 0, first_ns, last_ns, 0, 0, 0, 0, 0
FROM reply_only
UNION ALL
SELECT f.capture, f.flow, f.kind, f.tunnel, f.initiator, f.initiator_port, f.responder, f.responder_port, o.asked_token,
       {', '.join(f'f.data_i_{c}' for c in ('frame', *_KEPT))}, f.packets_i, 0,
       NULL, {', '.join(['NULL'] * 8)}, 0, {', '.join(['NULL'] * 7)},
       FALSE, 0, 0, 0, f.first_ns, f.last_ns, 0, 0, 0, 0, 0
FROM reply_only AS o
JOIN flow AS f ON f.capture = o.capture AND f.flow = o.asked_flow
WHERE o.turned
UNION ALL
-- both directions between the same two ends
SELECT f.capture, f.flow, f.kind, f.tunnel, f.initiator, f.initiator_port, f.responder, f.responder_port, f.data_i_seq,
       {', '.join(f'f.data_i_{c}' for c in ('frame', *_KEPT))}, f.packets_i, 0,
       'datagram', {', '.join(f'f.data_r_{c}' for c in ('frame', *_KEPT, 'seq'))}, f.packets_r,
       r.first_frame, CASE WHEN r.first_frame IS NOT NULL THEN 0 END, r.first_ns, r.ttl, r.src_mac, r.dst_mac,
       CASE WHEN r.first_frame IS NOT NULL THEN 0 END,
       -- no handshake says that the reply arrived: one that leaves for another next hop than any that the request
       -- came from or went to may never have
       r.first_frame IS NULL
           AND (f.data_r_dst_mac IN (0, f.data_i_src_mac, f.data_i_dst_mac) OR f.data_i_src_mac = 0
                OR EXISTS (SELECT 1 FROM address AS m
                           WHERE m.virtual_mac AND m.id = f.data_r_dst_mac)),
       0, f.data_i_frame, f.data_r_frame, f.first_ns, f.last_ns, 0, 0, 0, 0, 0
FROM flow AS f
LEFT JOIN refusal AS r ON r.capture = f.capture AND (r.quote_src, r.quote_dst) = (f.responder, f.initiator)
                      AND (r.quote_src_port, r.quote_dst_port) = (f.responder_port, f.initiator_port)
WHERE f.kind = {UDP} AND f.data_i_frame > 0 AND f.data_r_frame > 0
QUALIFY row_number() OVER (PARTITION BY f.capture, f.flow ORDER BY r.first_ns) = 1
"""
"""The same for UDP, which has no sequence number: the first four payload octets stand in for it.

A datagram from a host that was never asked counts as a reply only where the
receiver says so (port unreachable) or a declared service says so: many programs
talk to many hosts from one port.  An exchange that was answered at first, and then from
another address, is two attempts.
"""
