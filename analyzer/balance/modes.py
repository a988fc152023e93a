"""Services whose destination address is not translated: direct return, tunnel and proxy, as the packets show them.

Asked for the overview only: no rule rests on what is learned here, and a service
that is learned so excuses nothing.

``DIRECT``  the virtual address answers, with a start TTL, from the MAC of a host that claims another address and not
            the virtual one, and the reply does not go back to whoever passed the request on (DOMAIN K1); or the same
            request is passed on, unchanged, to such a host's MAC, and the capture holds no reply to it
``PROXY``   one host ends the client's connection and opens another one while that lasts, and the real server's octets
            arrive in the same number (DOMAIN: full proxy)
"""

from __future__ import annotations

from analyzer.balance.legs import START_TTLS
from analyzer.tables import TCP

MOST_VIRTUAL = 16
"""Virtual addresses of one real server that returns directly; more are not believed."""

DIRECT = f"""
WITH held AS (
    -- MACs with the addresses that they claim, of the kind (IPv4, IPv6) of the virtual address
    SELECT o.mac, o.ip, o.claims, length(a.net) AS kind
    FROM owner AS o
    JOIN address AS a ON a.id = o.ip
    WHERE o.claims > 0
), shown AS (
    SELECT f.kind, f.initiator AS client, f.initiator_port AS client_port, f.syn_seq AS isn,
           f.responder AS vip, f.responder_port AS vport, f.tunnel,
           CASE WHEN f.synack_frame > 0 THEN f.synack_src_mac ELSE f.syn2_dst_mac END AS mac
    FROM flow AS f
    WHERE f.kind = {TCP} AND f.syn_frame > 0
      AND ((f.synack_frame > 0 AND f.synack_ttl IN {START_TTLS} AND f.synack_src_mac > 0 AND f.synack2_frame = 0
            AND f.synack_dst_mac > 0 AND (f.synack_src_mac <> f.syn_dst_mac OR f.synack_dst_mac <> f.syn_src_mac))
           OR (f.synack_frame = 0 AND f.estab_frame + f.data_i_frame > 0 AND f.syn2_frame > 0
               AND f.syn2_src_mac = f.syn_dst_mac))
      AND f.responder NOT IN (SELECT vip FROM pair)
), real AS (
    SELECT s.*, h.ip AS rip
    FROM shown AS s
    JOIN address AS v ON v.id = s.vip
    JOIN held AS h ON h.mac = s.mac AND h.kind = length(v.net) AND h.ip <> s.vip
    WHERE NOT EXISTS (SELECT 1 FROM held AS own WHERE own.mac = s.mac AND own.ip = s.vip)
      -- whoever answers for so many addresses is a router, or the MACs are made up
      AND s.mac NOT IN (SELECT mac FROM shown GROUP BY mac HAVING count(DISTINCT vip) > {MOST_VIRTUAL})
    QUALIFY row_number() OVER (PARTITION BY s.client, s.client_port, s.isn, s.vip, s.vport
                               ORDER BY h.claims DESC, h.ip) = 1
)
SELECT kind, vip, vport, rip, vport AS rport,
       CASE WHEN bool_or(EXISTS (SELECT 1 FROM leg AS t
                                 WHERE t.tunnel <> 0 AND (t.client, t.client_port, t.isn, t.server)
                                                       = (real.client, real.client_port, real.isn, real.vip)))
            THEN 'tunnel' ELSE 'direct' END AS forwarding,
       count(*) AS support
FROM real
GROUP BY kind, vip, vport, rip
"""

PROXY_WITHIN_NS = 1_000_000_000
"""A proxy calls its real server within this time of the client's request (connections kept in a pool are not seen)."""

MOST_PROXIED = 4_000
"""So many completed connections, the first ones, are compared with each other."""

PROXY = f"""
WITH done AS (
    SELECT l.capture, l.client, l.client_port, l.server, l.server_port, l.syn_ttl, l.reply_ttl, l.syn_src_mac,
           l.reply_src_mac, f.estab_ns, f.first_ns, f.last_ns, f.bytes_r, f.first_ns // {PROXY_WITHIN_NS} AS second
    FROM leg AS l
    JOIN flow AS f ON f.capture = l.capture AND f.flow = l.flow
    WHERE l.kind = {TCP} AND l.done AND l.syn_frame IS NOT NULL AND f.bytes_i > 0 AND f.bytes_r > 0
      AND (l.client, l.client_port, l.isn) NOT IN (SELECT (client, client_port, isn) FROM pair WHERE kind = {TCP})
    ORDER BY f.first_ns, l.capture, l.flow
    LIMIT {MOST_PROXIED}
), compared AS (
    SELECT f.server AS vip, f.server_port AS vport, b.server AS rip, b.server_port AS rport,
           f.client, f.client_port, b.client AS inside, b.client_port AS inside_port, f.capture,
           f.bytes_r = b.bytes_r AS agrees
    FROM done AS f
    CROSS JOIN (VALUES (0), (1)) AS next(one)
    JOIN done AS b ON b.second = f.second + next.one AND b.capture = f.capture
                  AND b.syn_src_mac = f.reply_src_mac AND b.syn_src_mac > 0
                  AND b.syn_ttl IN {START_TTLS} AND f.reply_ttl IN {START_TTLS}
                  AND (b.server, b.server_port) <> (f.server, f.server_port) AND b.client <> f.client
                  AND b.server <> f.client
                  AND b.first_ns BETWEEN f.first_ns AND f.last_ns
                  AND b.first_ns::HUGEINT - f.estab_ns <= {PROXY_WITHIN_NS}
), rate AS (
    -- how often two clients' connections get the same number of octets
    SELECT sum(n * (n - 1) / 2)::DOUBLE AS agreed, (sum(n) * (sum(n) - 1) / 2)::DOUBLE AS compared
    FROM (SELECT count(DISTINCT (client, client_port)) AS n
          FROM done
          WHERE (server, server_port) IN (SELECT (vip, vport) FROM compared)
          GROUP BY bytes_r)
)
SELECT {TCP} AS kind, vip, vport, rip, rport, 'proxy' AS forwarding,
       count(DISTINCT (client, client_port)) FILTER (WHERE agrees) AS support,
       (SELECT count(DISTINCT (client, client_port, inside, inside_port)) FROM compared)::DOUBLE AS compared,
       (SELECT (1 + rate.agreed) / (2 + rate.compared) FROM rate) AS chance,
       min(inside) AS inside
FROM compared
GROUP BY vip, vport, rip, rport
HAVING support > 0
"""

DIRECT_SOURCE = ("learned from the packets: the virtual address answers from the MAC of a host that claims another "
                 "address, and its reply does not go back the way the request came")
PROXY_SOURCE = ("learned from the packets: the host that ends the client's connection opens another one meanwhile, and "
                "as many octets arrive in it")
