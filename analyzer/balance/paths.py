"""Which way the real server's reply went: back to the balancer, to the client itself, or to another router.

Evidence in order of strength: the MAC that the reply was sent to against the MAC
that the request came from (DOMAIN I5); who claims that MAC by ARP or neighbour
discovery; a TTL that is still a start value, so that no router was in between
(DOMAIN I4); and, last, addresses that look like one subnet.
"""

from __future__ import annotations

from analyzer.balance.legs import START_TTLS
from analyzer.tables import ARP_REPLY, ARP_REQUEST, ICMP_REDIRECT, ND_ADVERT, ND_SOLICIT, TCP

REDIRECT_LASTS_NS = 300_000_000_000
"""How long Linux keeps a learned IPv4 redirect (KERNEL.md section 4)."""

SOUGHT_WITHIN_NS = 3_100_000_000
"""Linux asks three times, one second apart (KERNEL.md section 6)."""

OWNER = f"""
CREATE TABLE owner AS
WITH claimed AS (
    SELECT ip, mac, count, capture, first_frame, first_ns
    FROM claim
    WHERE kind IN ({ARP_REQUEST}, {ARP_REPLY}, {ND_ADVERT}) AND ip > 0 AND mac > 0
    UNION ALL
    SELECT asker, mac, count, capture, first_frame, first_ns      -- who asks gives its own address
    FROM claim
    WHERE kind = {ND_SOLICIT} AND asker > 0 AND mac > 0
), sent AS (
    -- no router decremented the TTL: the frame's source MAC is the sender's own
    SELECT coalesce(inside, client) AS ip, syn_src_mac AS mac FROM leg WHERE syn_ttl IN {START_TTLS} AND syn_src_mac > 0
    UNION
    SELECT server, reply_src_mac FROM leg WHERE reply_ttl IN {START_TTLS} AND reply_src_mac > 0
)
SELECT ip, mac, sum(count) AS claims, arg_min(capture, first_ns) AS capture, arg_min(first_frame, first_ns) AS frame,
       min(first_ns) AS ns
FROM claimed
WHERE ip NOT IN (SELECT id FROM address WHERE unspecified)
GROUP BY ip, mac
UNION ALL
SELECT ip, mac, 1, NULL, NULL, NULL                       -- what a host says of its own interfaces
FROM own_facts
WHERE (ip, mac) NOT IN (SELECT (ip, mac) FROM claimed)
UNION ALL
SELECT ip, mac, 0, NULL, NULL, NULL
FROM sent
WHERE ip NOT IN (SELECT ip FROM claimed)
"""
"""Which MAC belongs to which address; ``claims`` 0 = concluded from a start TTL."""

SAME_HOP = """
CREATE TABLE same_hop AS
SELECT DISTINCT a.mac AS mac, b.mac AS other
FROM owner AS a
JOIN owner AS b USING (ip)
WHERE a.mac <> b.mac
  AND (a.mac IN (SELECT id FROM address WHERE virtual_mac) OR b.mac IN (SELECT id FROM address WHERE virtual_mac))
"""
"""Two MACs of one next hop: a virtual router's and that of the box which answers for it (RFC 9568 §7.3)."""

BALANCER_MAC = """
CREATE TABLE balancer_mac AS
SELECT s.forwarded_src_mac AS mac
FROM sight AS s
JOIN attempt AS a USING (attempt)
WHERE a.virtual_from = 'seen' AND s.forwarded_src_mac > 0
UNION
SELECT o.mac
FROM owner AS o
JOIN balancer AS b USING (ip)
WHERE o.claims > 0
"""
"""MACs from which translated requests come, and those that claim a declared address of the balancer."""

_OWN_CLIENT = "(SELECT 1 FROM owner AS o WHERE o.ip = a.client AND o.mac = {0})"

WAY = f"""
CREATE TABLE way AS
SELECT s.*, a.client, a.real, a.virtual_from,
       forwarded_frame IS NOT NULL AND a.virtual_from <> 'seen'
           AND (EXISTS {_OWN_CLIENT.format('s.forwarded_src_mac')}
                OR (forwarded_src_mac = 0 AND forwarded_ttl IN {START_TTLS}))
           AS direct,
       CASE
           WHEN answered_frame IS NULL THEN NULL
           WHEN forwarded_frame IS NOT NULL AND answered_dst_mac > 0 AND forwarded_src_mac > 0 THEN
               CASE WHEN answered_dst_mac = forwarded_src_mac
                      OR EXISTS (SELECT 1 FROM same_hop AS h
                                 WHERE (h.mac, h.other) = (answered_dst_mac, forwarded_src_mac))
                    THEN 'back'
                    WHEN EXISTS {_OWN_CLIENT.format('s.answered_dst_mac')} THEN 'client'
                    WHEN rejected_src_mac = answered_dst_mac AND rejected_ttl IN {START_TTLS}
                         AND rejected_ttl > forwarded_ttl
                    THEN 'client'
                    WHEN answered_dst_mac IN (SELECT id FROM address WHERE virtual_mac) THEN NULL
                    WHEN c.net = r.net AND (a.virtual_from = 'seen' OR forwarded_ttl NOT IN {START_TTLS})
                         AND NOT EXISTS (SELECT 1 FROM owner AS o WHERE o.mac = answered_dst_mac)
                    THEN 'client'
                    ELSE 'router' END
           WHEN forwarded_frame IS NOT NULL THEN
               CASE WHEN answered_ttl IN {START_TTLS} AND rejected_ttl IN {START_TTLS} AND rejected_ttl > forwarded_ttl
                    THEN 'client' END
           WHEN asked_frame IS NOT NULL THEN
               -- it went to where the request went: a tap that holds what comes in, and not what that host sends on
               CASE WHEN withdrawn_frame IS NOT NULL THEN 'arrived'
                    WHEN answered_dst_mac > 0 AND asked_src_mac > 0 AND answered_dst_mac <> asked_src_mac
                         AND (answered_dst_mac = asked_dst_mac
                              OR EXISTS (SELECT 1 FROM address AS m
                                         WHERE m.virtual_mac AND m.id IN (answered_dst_mac, asked_dst_mac)))
                    THEN 'arrived'
                    WHEN answered_src_mac > 0 AND answered_src_mac = asked_dst_mac THEN 'same'
                    WHEN answered_ttl IN {START_TTLS} AND (answered_dst_mac IN (0, asked_src_mac) OR asked_src_mac = 0)
                    -- a request with hops behind it came from a router, and so its reply may have gone to one
                    THEN CASE WHEN asked_ttl IN {START_TTLS} THEN 'client' END
                    ELSE 'router' END
           WHEN EXISTS {_OWN_CLIENT.format('s.answered_dst_mac')} AND answered_ttl IN {START_TTLS} THEN 'client'
       END AS reply_went,
       c.net = r.net AS near
FROM sight AS s
JOIN attempt AS a USING (attempt)
JOIN address AS c ON c.id = a.client
LEFT JOIN address AS r ON r.id = a.real
WHERE NOT a.any_done
"""
"""``reply_went``: back (to where the request came from), client, router, same (arrived by the neighbour that the
SYN was sent to), arrived (at the host that the SYN was sent to), NULL = these MACs and TTLs do not tell.
``direct``: the client itself sent this SYN to the real server.
An attempt that was completed anywhere is healthy whatever way its packets took, and is not judged."""

WATCHED = f"""
CREATE TABLE watched AS
SELECT *
FROM (
    SELECT p.capture,
           -- it holds something that its server sent
           EXISTS (SELECT 1 FROM leg AS l WHERE l.capture = p.capture AND (l.reply IS NOT NULL OR l.done))
           OR EXISTS (SELECT 1 FROM claim AS c JOIN leg AS l ON l.capture = c.capture AND l.syn_dst_mac = c.src_mac
                      WHERE c.capture = p.capture) AS two_way
    FROM point AS p
    WHERE p.role = 'server'
      -- a tap that sees one direction only: somebody acknowledges what is not in the capture
      AND NOT EXISTS (SELECT 1 FROM flow AS f
                      WHERE f.capture = p.capture AND f.kind = {TCP} AND f.packets_r = 0
                        AND f.syn_frame > 0 AND f.packets_i > f.syn_count + f.rst_i_count)
) AS named
WHERE two_way
   -- nothing of the server is in it: no frame may speak of one that is missing, neither half of a conversation,
   OR NOT (EXISTS (SELECT 1 FROM flow AS f
                   WHERE f.capture = named.capture AND f.kind = {TCP} AND (f.packets_i = 0 OR f.packets_r = 0)
                     AND f.packets_i + f.packets_r > f.syn_count + f.rst_i_count + f.rst_r_count)
           -- nor a complaint about what it sent, nor an answer to its question for an address,
           OR EXISTS (SELECT 1 FROM icmp AS i JOIN leg AS l ON l.capture = i.capture AND l.server = i.quote_src
                      WHERE i.capture = named.capture)
           OR EXISTS (SELECT 1 FROM claim AS c
                      WHERE c.capture = named.capture AND c.gratuitous = 0
                        AND (c.kind = {ND_ADVERT}
                             OR (c.kind = {ARP_REPLY} AND c.asker IN (SELECT server FROM leg))))
           -- nor a neighbour that asks for its address and then knows it
           OR EXISTS (SELECT 1 FROM claim AS q
                      JOIN leg AS l ON l.capture = q.capture AND l.syn_src_mac = q.src_mac AND l.syn_ns > q.first_ns
                      WHERE q.capture = named.capture
                        AND ((q.kind = {ARP_REQUEST} AND q.asker = l.server)
                             OR (q.kind = {ND_SOLICIT} AND q.ip = l.server))))
"""
"""Capture points that the user says are a real server's own, and that nothing shows to hold one direction only."""

JUDGED = f"""
CREATE TABLE judged AS
WITH whole AS (
    SELECT attempt,
           bool_or(asked_frame IS NOT NULL) AS asked,
           bool_or(forwarded_frame IS NOT NULL) AS forwarded,
           bool_or(translated_frame IS NOT NULL) AS translated,
           arg_min(translated_as, translated_frame) AS translated_as,
           bool_or(answered_frame IS NOT NULL) AS answered,
           arg_min(answered_as, answered_frame) AS answered_as,
           bool_or(rejected_frame IS NOT NULL) AS rejected,
           bool_or(front_done OR back_done) AS done,
           bool_or(direct) AS direct,
           max(asked_count) AS asked_count,
           max(forwarded_count) AS forwarded_count,
           max(answered_count) AS answered_count,
           max(translated_count) AS translated_count,
           bool_or(asked_frame IS NOT NULL AND asked_ttl NOT IN {START_TTLS}) AS client_behind_router,
           bool_or(asked_frame IS NOT NULL AND answered_frame IS NOT NULL AND forwarded_frame IS NULL
                   AND translated_frame IS NULL AND answered_dst_mac > 0) AS received,
           -- a cooked capture does not say who received it: the client, or the balancer that is about to translate it
           bool_or(asked_frame IS NOT NULL AND answered_frame IS NOT NULL AND forwarded_frame IS NULL
                   AND translated_frame IS NULL AND answered_dst_mac = 0 AND asked_count > 1) AS received_somewhere,
           bool_or(reply_went = 'same') AS same_way,
           bool_or(forwarded_frame IS NOT NULL AND answered_frame IS NOT NULL
                   AND reply_went IN ('client', 'router')) AS left_elsewhere,
           bool_or(forwarded_frame IS NOT NULL AND reply_went = 'back') AS returned,
           -- at the server: who had the SYN and did not see the rejection's own way
           arg_min(reply_went, CASE WHEN reply_went IS NULL THEN NULL
                                    WHEN forwarded_frame IS NOT NULL AND answered_dst_mac > 0 THEN 1
                                    WHEN forwarded_frame IS NOT NULL THEN 2
                                    WHEN reply_went = 'same' THEN 4 ELSE 3 END) AS reply_went,
           arg_min(answered_dst_mac, answered_frame)
               FILTER (WHERE forwarded_frame IS NOT NULL AND answered_dst_mac > 0) AS next_hop_mac,
           arg_min(forwarded_src_mac, forwarded_frame) FILTER (WHERE forwarded_src_mac > 0) AS from_mac,
           bool_or(forwarded_ttl < rejected_ttl AND rejected_ttl IN {START_TTLS}
                   AND (rejected_src_mac = answered_dst_mac OR answered_dst_mac = 0)) AS rejected_directly,
           bool_or(near) AS near,
           min(answered_src_mac)
               FILTER (WHERE answered_src_mac > 0 AND answered_ttl IN {START_TTLS}) AS answered_from_mac,
           min(forwarded_dst_mac) FILTER (WHERE forwarded_dst_mac > 0) AS forwarded_to_mac,
           min(forwarded_ns) AS forwarded_ns,
           -- a capture that the user says is the real server's own, which sends on it, and not to this client
           bool_or(forwarded_frame IS NOT NULL AND answered_frame IS NULL AND rejected_frame IS NULL
                   AND capture IN (SELECT capture FROM watched)) AS silent_at_server,
           bool_or(capture IN (SELECT capture FROM watched WHERE two_way)) AS two_way
    FROM way
    GROUP BY attempt
)
, facts AS (
SELECT a.*, w.* EXCLUDE (attempt),
       a.client IN (SELECT rip FROM nat WHERE origin = 'declared'
                    UNION SELECT rip FROM nat WHERE (nat.rip, nat.rport) <> (a.real, a.real_port)) AS client_is_real,
       w.from_mac IN (SELECT o.mac FROM owner AS o JOIN balancer AS b USING (ip)) AS from_balancer,
       -- the server asks for the client's own MAC right after the request: it is about to answer directly
       EXISTS (SELECT 1
               FROM claim AS q
               WHERE ((q.kind = {ARP_REQUEST} AND q.ip = a.real AND q.asker = a.client)
                      OR (q.kind = {ND_SOLICIT} AND q.asker = a.real AND q.ip = a.client))
                 AND (q.first_ns BETWEEN w.forwarded_ns AND w.forwarded_ns + {SOUGHT_WITHIN_NS}
                      OR q.last_ns BETWEEN w.forwarded_ns AND w.forwarded_ns + {SOUGHT_WITHIN_NS})) AS sought,
       -- it asks, again and again, in a capture of its own, and nobody there claims that address
       NOT EXISTS (SELECT 1
                   FROM claim AS q
                   WHERE q.capture IN (SELECT capture FROM watched) AND q.ip = a.client
                     AND q.kind IN ({ARP_REQUEST}, {ARP_REPLY}, {ND_ADVERT}))
           AND EXISTS (SELECT 1
                       FROM claim AS q
                       WHERE q.capture IN (SELECT capture FROM watched) AND q.count > 1
                         AND ((q.kind = {ARP_REQUEST} AND q.ip = a.real AND q.asker = a.client)
                              OR (q.kind = {ND_SOLICIT} AND q.asker = a.real AND q.ip = a.client))) AS nobody_there,
       EXISTS (SELECT 1
               FROM icmp AS i
               WHERE i.kind = {ICMP_REDIRECT} AND i.dst = a.real AND i.quote_dst = a.client
                 AND i.first_ns BETWEEN a.first_ns - {REDIRECT_LASTS_NS} AND a.last_ns) AS redirected,
       (SELECT min(d.ip)
        FROM owner AS d
        JOIN owner AS e ON e.ip = d.ip AND e.mac = w.from_mac
        WHERE d.mac = w.next_hop_mac AND d.mac <> w.from_mac AND d.claims > 0 AND e.claims > 0
          AND (d.mac, w.from_mac) NOT IN (SELECT (mac, other) FROM same_hop)) AS duplicate_ip,
       coalesce(w.answered_from_mac <> w.forwarded_to_mac, FALSE) AS other_interface,
       -- requests came from that MAC as well, or it claims a declared address of a balancer
       w.next_hop_mac IN (SELECT mac FROM balancer_mac) AS next_hop_is_balancer,
       -- and it forwarded requests to this real server before this attempt, and none since
       coalesce(a.first_ns > (SELECT max(b.forwarded_ns) FROM sight AS b JOIN attempt AS old USING (attempt)
                     WHERE b.forwarded_src_mac = w.next_hop_mac AND old.real = a.real), FALSE) AS next_hop_served_before
FROM attempt AS a
JOIN whole AS w USING (attempt)
)
SELECT *,
       CASE
           WHEN direct OR translated OR done OR forwarding NOT IN ('nat', 'none') THEN NULL
           -- the SYN went to the virtual service, the answer came from the real server by another way
           WHEN asked AND answered AND (received OR rejected) AND reply_went IN ('client', 'router') THEN 'certain'
           WHEN asked AND left_elsewhere AND asked_count > 1 THEN 'certain'
           WHEN asked AND left_elsewhere THEN 'likely'
           -- the client got the real server's own address, but which way is open
           WHEN asked AND (received OR received_somewhere OR rejected)
                AND coalesce(reply_went, '') NOT IN ('back', 'arrived') THEN 'likely'
           -- only the servers' side was captured
           WHEN left_elsewhere AND rejected_directly THEN 'likely'
           -- the client stands on the link, was answered there, and goes on asking by way of another host
           -- (with UDP, more datagrams are no sign of trouble)
           WHEN left_elsewhere AND reply_went = 'client' AND forwarded_count > 1 AND kind = {TCP} THEN 'likely'
           WHEN left_elsewhere AND mapping = 'declared' AND from_balancer THEN 'likely'
           -- the reply was not captured, but the server was looking for the client itself
           WHEN asked AND forwarded AND NOT answered AND sought THEN 'likely'
           WHEN asked AND forwarded AND NOT answered AND redirected THEN 'likely'
       END AS bypass,
       coalesce(reply_went, CASE WHEN sought AND NOT answered THEN 'client' END) AS went
FROM facts
"""
"""One row per unfinished attempt, with everything that the rules ask for.

``bypass``: how well it is shown that the real server's reply does not go back
through the balancer (certain, likely, NULL = not shown).  ``went``: where it went."""
