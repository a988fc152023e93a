"""Legs to attempts: one client's one connection, whatever addresses its packets carry.

``attempt``   one row per connection attempt: who dialled what, which real server, what came of it
``sight``     the same attempt as one capture point saw it: up to five packets side by side

    asked      the client's SYN to the virtual service
    forwarded  the same SYN, translated, to the real server
    answered   the real server's reply with its own address
    translated the reply as the balancer should make it: from the virtual service
    rejected   the client's RST to the real server that it never called

The whole diagnosis of a broken handshake is a statement about which of the five
were seen, and with which MAC addresses and TTLs.
"""

from __future__ import annotations

from analyzer.balance.legs import START_TTLS
from analyzer.tables import UDP

_PACKET = ("frame", "position", "ns", "ttl", "src_mac", "dst_mac")

_KNOWN_FIRST = ("((kind, server, server_port) NOT IN (SELECT (kind, vip, vport) FROM nat), syn_frame IS NULL, "
                "server, server_port)")
"""SQL: the order in which the legs of one attempt are taken for what was dialled."""

_TRANSLATED_BACK = """SELECT 1 FROM leg AS w
                       WHERE (w.kind, w.client, w.client_port, w.isn) = (p.kind, p.client, p.client_port, p.isn)
                       AND (w.server, w.server_port) = (p.virtual, p.virtual_port) AND w.done"""

ATTEMPT = f"""
CREATE TABLE attempt AS
-- virtual_from: seen (somebody dialled it in a capture) · mapping (concluded from the real server) ·
-- unseen (a real server's side alone, no mapping) · dialled (a plain connection, no balancer known)
WITH seen AS (
    -- the longest translation of each attempt: what was dialled is nobody's real server, what answered is nobody's VIP
    SELECT kind, client, client_port, isn, vip, vport, rip, rport, source_too
    FROM pair
    WHERE (kind, client, client_port, isn, vip, vport) NOT IN
              (SELECT (kind, client, client_port, isn, rip, rport) FROM pair)
      AND (kind, client, client_port, isn, rip, rport) NOT IN
              (SELECT (kind, client, client_port, isn, vip, vport) FROM pair)
    QUALIFY row_number() OVER (PARTITION BY kind, client, client_port, isn ORDER BY vip, vport, rip, rport) = 1
), alone AS (
    -- of several unpaired legs (UDP: each side kept another copy of a datagram) the one to a known service
    SELECT kind, client, client_port, isn,
           arg_min(server, {_KNOWN_FIRST}) AS server, arg_min(server_port, {_KNOWN_FIRST}) AS server_port,
           -- the reply left for another MAC than the request came from: this server may be a real server
           coalesce(bool_or((syn_src_mac > 0 AND reply_dst_mac > 0 AND syn_src_mac <> reply_dst_mac)
                            -- or the client's own reset took fewer hops than its request
                            OR (reject_ttl IN {START_TTLS} AND reject_ttl > syn_ttl)
                            -- or the request passed a hop and ends, without any reply, in a capture named as a server's
                            OR (reply IS NULL AND syn_ttl NOT IN {START_TTLS} AND capture IN
                                (SELECT capture FROM point WHERE role = 'server'))), FALSE) AS skewed
    FROM leg
    WHERE (kind, client, client_port, isn) NOT IN (SELECT (kind, client, client_port, isn) FROM seen)
    GROUP BY kind, client, client_port, isn
), behind AS (
    -- the virtual service of a real server, where the mapping leaves no choice
    SELECT kind, rip, rport, min(vip) AS vip, min(vport) AS vport, min(forwarding) AS forwarding, min(origin) AS origin
    FROM nat
    WHERE rport > 0
    GROUP BY kind, rip, rport
    HAVING count(DISTINCT (vip, vport)) = 1 AND count(DISTINCT forwarding) = 1
), placed AS (
    SELECT kind, client, client_port, isn, vip AS virtual, vport AS virtual_port, rip AS real, rport AS real_port,
           'seen' AS virtual_from, source_too
    FROM seen
    UNION ALL
    SELECT a.kind, a.client, a.client_port, a.isn,
           CASE WHEN v.vip IS NOT NULL THEN a.server WHEN b.rip IS NOT NULL THEN b.vip
                WHEN NOT skewed THEN a.server END,
           CASE WHEN v.vip IS NOT NULL THEN a.server_port WHEN b.rip IS NOT NULL THEN b.vport
                WHEN NOT skewed THEN a.server_port END,
           CASE WHEN v.vip IS NULL AND (b.rip IS NOT NULL OR skewed) THEN a.server END,
           CASE WHEN v.vip IS NULL AND (b.rip IS NOT NULL OR skewed) THEN a.server_port END,
           CASE WHEN v.vip IS NOT NULL THEN 'seen' WHEN b.rip IS NOT NULL THEN 'mapping'
                WHEN skewed THEN 'unseen' ELSE 'dialled' END,
           NULL
    FROM alone AS a
    LEFT JOIN (SELECT DISTINCT kind, vip, vport FROM nat) AS v
           ON v.kind = a.kind AND v.vip = a.server AND v.vport IN (0, a.server_port)
    LEFT JOIN behind AS b
           ON b.kind = a.kind AND (b.rip, b.rport) = (a.server, a.server_port)
)
SELECT row_number() OVER (ORDER BY l.first_ns, p.client, p.client_port, p.isn)::INTEGER - 1 AS attempt,
       p.* EXCLUDE (source_too), l.first_ns, l.last_ns, l.any_reply,
       l.firmly_done OR (l.done_somehow AND EXISTS ({_TRANSLATED_BACK})) AS any_done, l.inside, l.inside_port,
       -- a learned service may treat its clients differently: then this attempt's own packets say how
       CASE WHEN n.origin = 'inferred' AND p.source_too IS NOT NULL
            THEN CASE WHEN p.source_too THEN 'full-nat' ELSE 'nat' END
            ELSE coalesce(n.forwarding, 'none') END AS forwarding, coalesce(n.origin, 'none') AS mapping
FROM placed AS p
JOIN (SELECT kind, client, client_port, isn, min(first_ns) AS first_ns, max(last_ns) AS last_ns,
             bool_or(reply IS NOT NULL) AS any_reply,
             -- a datagram in a cooked capture does not say to whom it went: the real server's own may go astray
             bool_or(done AND (kind <> {UDP} OR reply_dst_mac > 0)) AS firmly_done, bool_or(done) AS done_somehow,
             arg_max(inside, server) AS inside, arg_max(inside_port, server) AS inside_port
      FROM leg
      GROUP BY kind, client, client_port, isn) AS l USING (kind, client, client_port, isn)
LEFT JOIN (SELECT kind, vip, vport, rip, rport, min(forwarding) AS forwarding, min(origin) AS origin
           FROM nat
           GROUP BY kind, vip, vport, rip, rport) AS n
       ON n.kind = p.kind AND n.vip = p.virtual AND n.vport IN (0, p.virtual_port)
      AND n.rip = p.real AND n.rport IN (0, p.real_port)
QUALIFY row_number() OVER (PARTITION BY p.kind, p.client, p.client_port, p.isn ORDER BY n.vport DESC, n.rport DESC) = 1
"""


def _take(source: str, name: str, alias: str) -> str:
    """SQL: the packet of the earliest leg (one attempt may be several flows of one capture, in tunnels)."""
    return ",\n           ".join(
        f"arg_min({alias}.{source}_{column}, {alias}.{source}_frame) AS {name}_{column}" for column in _PACKET
    )


SHOWN_GOOD = 5_000
"""So many completed attempts are looked at packet by packet; they teach roles and MACs, and all of them are counted."""

KEPT_IF_ANY = (
    "SELECT attempt FROM flip",
    "SELECT attempt FROM stalled",
    """
    SELECT a.attempt
    FROM flow AS f
    JOIN leg AS l ON l.capture = f.capture AND l.flow = f.flow
    JOIN attempt AS a ON (a.kind, a.client, a.client_port, a.isn) = (l.kind, l.client, l.client_port, l.isn)
    WHERE f.retrans_r >= 3
    """,
)
KEPT = f"""
CREATE TABLE kept AS
(SELECT attempt FROM attempt WHERE any_done ORDER BY attempt LIMIT {SHOWN_GOOD})
"""
"""Completed attempts whose packets are looked at one by one: what went wrong later, and enough of the others.
To ``KEPT`` belong, by UNION, those of ``KEPT_IF_ANY``."""

SIGHT = f"""
CREATE TABLE sight AS
WITH part AS (
    SELECT a.attempt, l.*,
           (l.server, l.server_port) = (a.real, a.real_port) AS to_real,
           (l.server, l.server_port) = (a.virtual, a.virtual_port) AS to_virtual
    FROM leg AS l
    JOIN attempt AS a USING (kind, client, client_port, isn)
    WHERE NOT a.any_done OR a.attempt IN (SELECT attempt FROM kept)
), front AS (
    SELECT attempt, capture,
           {_take('syn', 'asked', 'part')},
           max(syn_count) AS asked_count,
           {_take('reply', 'translated', 'part')},
           min(reject_frame) AS withdrawn_frame,       -- reset by the client: it was answered from there
           arg_min(reply, reply_frame) AS translated_as, max(reply_count) AS translated_count,
           bool_or(done) AS done, min(flow) AS front_flow
    FROM part WHERE to_virtual GROUP BY attempt, capture
), back AS (
    SELECT attempt, capture,
           {_take('syn', 'forwarded', 'part')},
           max(syn_count) AS forwarded_count,
           {_take('reply', 'answered', 'part')},
           arg_min(reply, reply_frame) AS answered_as, max(reply_count) AS answered_count,
           {_take('reject', 'rejected', 'part')},
           bool_or(done) AS done, min(flow) AS back_flow
    FROM part WHERE to_real GROUP BY attempt, capture
)
SELECT attempt, capture, front.* EXCLUDE (attempt, capture, done), back.* EXCLUDE (attempt, capture, done),
       coalesce(front.done, FALSE) AS front_done, coalesce(back.done, FALSE) AS back_done
FROM front
FULL JOIN back USING (attempt, capture)
"""


STALLED = """
CREATE TABLE stalled AS
SELECT DISTINCT a.attempt, l.capture, f.last_r_frame AS frame
FROM leg AS l
JOIN attempt AS a USING (kind, client, client_port, isn)
JOIN flow AS f ON f.capture = l.capture AND f.flow = l.flow
WHERE l.done AND f.packets_r > 0
  AND ((f.rst_i_frame = 0 AND f.retrans_r >= 2 AND f.last_r_ns > f.last_i_ns)
       -- or the client hangs up, and payload is missing here that it has not acknowledged either
       OR (f.fin_i_frame + f.rst_i_frame > 0
           AND ((f.last_r_seq::BIGINT - f.last_i_ack::BIGINT) & 4294967295) BETWEEN 1000 AND 2147483647
           AND ((f.last_r_seq::BIGINT - f.synack_seq::BIGINT - 1) & 4294967295) - f.bytes_r::BIGINT
               BETWEEN 1000 AND 2147483647)
       -- or it asks, is never sent any payload, and not even its farewell is answered
       OR (f.fin_i_frame > 0 AND f.fin_r_frame = 0 AND f.rst_r_frame = 0
           AND f.bytes_i > 0 AND f.bytes_r = 0 AND f.last_r_ns < f.fin_i_ns))
"""
"""Completed connections that got stuck: the server repeats itself and hears nothing more, or its payload never came."""
