"""A connection that began through the balancer and whose data then came from the real server itself.

The handshake was translated, so nothing about the SYN is wrong; later a segment
from another address carries an acknowledgment number inside what this client
has sent on that very connection.  Either the balancer forgot the connection
(the segment still comes through it, DOMAIN K10, K11) or the server found a
shorter way (a redirect, DOMAIN R8).
"""

from __future__ import annotations

from analyzer.tables import ACK, TCP

FLIP = f"""
CREATE TABLE flip AS
WITH stray AS (
    -- no handshake of its own in sight; the end that sends payload is the server
    SELECT capture, flow, initiator AS client, initiator_port AS client_port,
           responder AS server, responder_port AS server_port,
           data_r_frame AS frame, data_r_position AS position, data_r_ns AS ns, data_r_ack::BIGINT AS ack,
           data_r_ttl AS ttl, data_r_src_mac AS src_mac, data_r_dst_mac AS dst_mac,
           CASE WHEN rst_i_flags & {ACK} = 0 THEN rst_i_frame ELSE 0 END AS rejected_frame, rst_i_ns AS rejected_ns,
           rst_i_ttl AS rejected_ttl, rst_i_src_mac AS rejected_src_mac, rst_i_dst_mac AS rejected_dst_mac
    FROM flow
    WHERE kind = {TCP} AND syn_frame = 0 AND synack_frame = 0 AND data_r_frame > 0 AND data_i_frame = 0
      -- one segment that nobody objects to may be a damaged copy
      AND (packets_r > 1 OR rst_i_frame > 0)
    UNION ALL
    SELECT capture, flow, responder, responder_port, initiator, initiator_port,
           data_i_frame, data_i_position, data_i_ns, data_i_ack::BIGINT,
           data_i_ttl, data_i_src_mac, data_i_dst_mac,
           CASE WHEN rst_r_flags & {ACK} = 0 THEN rst_r_frame ELSE 0 END, rst_r_ns,
           rst_r_ttl, rst_r_src_mac, rst_r_dst_mac
    FROM flow
    WHERE kind = {TCP} AND syn_frame = 0 AND synack_frame = 0 AND data_i_frame > 0 AND data_r_frame = 0
      AND (packets_i > 1 OR rst_r_frame > 0)
)
SELECT a.attempt, s.*, v.capture AS front_capture, v.flow AS front_flow,
       v.synack_frame, v.synack_ns, v.synack_src_mac, v.synack_dst_mac, v.synack_ttl,
       s.src_mac > 0 AND s.src_mac = v.synack_src_mac AND s.ttl <= v.synack_ttl AS through_balancer, FALSE AS late
FROM stray AS s
JOIN flow AS v ON v.capture = s.capture AND v.kind = {TCP}
              AND (v.initiator, v.initiator_port) = (s.client, s.client_port)
              AND (v.responder, v.responder_port) <> (s.server, s.server_port)
              AND v.syn_frame > 0 AND v.synack_frame > 0
              AND s.ns >= v.synack_ns AND s.ns::HUGEINT - v.last_ns <= 120000000000
              -- what it acknowledges lies within what the client sent to the virtual service
              AND ((s.ack - v.syn_seq::BIGINT) & 4294967295) BETWEEN 1 AND v.bytes_i + 2
JOIN attempt AS a ON a.kind = {TCP} AND (a.client, a.client_port, a.isn) = (s.client, s.client_port, v.syn_seq::BIGINT)
UNION ALL
-- at the server: the handshake went back to the balancer, the payload went elsewhere, and the client reset it
SELECT a.attempt, f.capture, f.flow, f.initiator, f.initiator_port, f.responder, f.responder_port,
       f.data_r_frame, f.data_r_position, f.data_r_ns, f.data_r_ack::BIGINT,
       f.data_r_ttl, f.data_r_src_mac, f.data_r_dst_mac,
       f.rst_i_frame, f.rst_i_ns, f.rst_i_ttl, f.rst_i_src_mac, f.rst_i_dst_mac,
       f.capture, f.flow, f.synack_frame, f.synack_ns, f.synack_src_mac, f.synack_dst_mac, f.synack_ttl, FALSE, FALSE
FROM flow AS f
JOIN attempt AS a ON a.kind = {TCP}
                 AND (a.client, a.client_port, a.isn) = (f.initiator, f.initiator_port, f.syn_seq::BIGINT)
WHERE f.kind = {TCP} AND f.syn_frame > 0 AND f.synack_frame > 0 AND f.data_r_frame > 0
  AND f.synack_dst_mac > 0 AND f.data_r_dst_mac > 0 AND f.synack_dst_mac <> f.data_r_dst_mac
  AND f.data_r_src_mac = f.synack_src_mac       -- not the balancer's copy of it, which a mirror may show first
  AND f.rst_i_frame > 0 AND f.rst_i_flags & {ACK} = 0 AND f.rst_i_seq = f.data_r_ack
  AND f.rst_i_src_mac = f.data_r_dst_mac
UNION ALL
-- the capture began later than the connection: its payload from the virtual service stands for the SYN-ACK
SELECT a.attempt, s.*, l.capture, l.flow, l.frame, l.ns, l.src_mac, l.dst_mac, l.ttl,
       s.src_mac > 0 AND s.src_mac = l.src_mac AND s.ttl <= l.ttl, TRUE
FROM late AS l
JOIN stray AS s ON s.capture = l.capture AND s.flow = l.stray_flow
JOIN attempt AS a ON a.kind = {TCP} AND (a.client, a.client_port, a.isn) = (l.client, l.client_port, l.isn)
"""
"""``through_balancer``: the stray data came from the MAC that the translated SYN-ACK came from, over no fewer hops.
``late``: no SYN-ACK is in the capture; the ``synack_*`` columns are of the first payload that was translated."""
