"""What each capture point is: client, balancer, real server, router or mirror, and why we think so.

Told from which of the five packets of an attempt (``attempts.py``) it sees; from
TTLs that are still start values, which say that a request or a reply begins on
this very link; and, between several points, from which of them is nearer to the
client (``clocks.py``).  The two ends of one link see the same of a healthy
connection: then the simpler role is named and the reason says so, or none.
"""

from __future__ import annotations

import re

from analyzer.balance.legs import START_TTLS

ROLES = ("client", "balancer-front", "balancer-back", "balancer", "server", "router", "mirror")

_NAMES = (
    (r"(lb|balancer|director|vip)[-_]?(front|outside|ext)", "balancer-front"),
    (r"(lb|balancer|director)[-_]?(back|inside|int)", "balancer-back"),
    (r"(lb|balancer|director)", "balancer"),
    (r"(real[-_]?)?server|rs\d", "server"),
    (r"(ext|lan)?client", "client"),
    (r"router|gateway|firewall", "router"),
    (r"mirror|span|switch|tap", "mirror"),
)


_ALIKE = (
    {"client", "balancer-front"}, {"server", "balancer-back"},     # the two ends of one link
    {"balancer", "balancer-front", "balancer-back"},
    {"router", "balancer", "balancer-front", "balancer-back"},     # a balancer is a router, too
)


def contradicts(declared: str, inferred: str) -> bool:
    """Whether what the packets speak for cannot be what the user calls the place."""
    return "unknown" not in (declared, inferred) and declared != inferred and not any(
        {declared, inferred} <= alike for alike in _ALIKE)


def declared_role(vantage: str) -> str:
    """The role that a user's name for a capture point says (``server1=a.pcap``), or nothing."""
    return next((role for pattern, role in _NAMES if re.match(pattern, vantage, re.IGNORECASE)), "")


ROLE = f"""
CREATE TABLE role AS
WITH points AS (
    SELECT s.capture,
           count(*) FILTER (WHERE s.asked_frame IS NOT NULL AND a.virtual_from <> 'dialled') AS asked,
           -- a call to the real server that the client made itself is not the balancer's
           count(*) FILTER (WHERE s.forwarded_frame IS NOT NULL
                            AND (s.forwarded_ttl NOT IN {START_TTLS} OR a.inside IS NOT NULL)) AS forwarded,
           count(*) FILTER (WHERE s.asked_frame IS NOT NULL AND s.forwarded_frame IS NOT NULL
                            AND a.client <> a.real) AS both_sides,
           count(*) FILTER (WHERE s.asked_frame IS NOT NULL AND s.forwarded_frame IS NOT NULL
                            AND a.client = a.real) AS hairpins,
           count(*) FILTER (WHERE s.forwarded_frame IS NOT NULL
                            AND ((s.answered_dst_mac > 0 AND s.answered_dst_mac <> s.forwarded_src_mac)
                                 -- cooked: the client resets what never came through the balancer
                                 OR (s.answered_dst_mac = 0 AND s.translated_frame IS NULL
                                     AND s.rejected_ttl IN {START_TTLS} AND s.rejected_ttl > s.forwarded_ttl))
                           ) AS strays,
           count(DISTINCT a.real) FILTER (WHERE s.forwarded_frame IS NOT NULL) AS reals,
           count(DISTINCT a.client) FILTER (WHERE s.asked_frame IS NOT NULL) AS clients,
           bool_or(coalesce(s.asked_dst_mac, s.forwarded_dst_mac) = 0) AS cooked
    FROM sight AS s
    JOIN attempt AS a USING (attempt)
    GROUP BY s.capture
), hops AS (
    -- who stands on the link: nobody has decremented the TTL
    SELECT capture, count(DISTINCT client) AS clients, count(DISTINCT server) AS servers,
           count(syn_frame) AS requests, count(syn_frame) FILTER (WHERE syn_ttl IN {START_TTLS}) AS near_requests,
           count(reply_frame) AS replies, count(reply_frame) FILTER (WHERE reply_ttl IN {START_TTLS}) AS near_replies,
           count(*) FILTER (WHERE syn2_frame > 0) AS passed_on
    FROM leg
    GROUP BY capture
), farther AS (
    -- another capture point is nearer to the client: request and reply pass it in that order
    SELECT CASE WHEN a_nearer > 0.5 THEN b ELSE a END AS capture FROM difference
    UNION
    -- or it holds more of the same attempts: the reply comes to the client, but not here
    SELECT there.capture
    FROM sight AS here
    JOIN sight AS there ON there.attempt = here.attempt AND there.capture <> here.capture
                       AND there.asked_ttl = here.asked_ttl
    GROUP BY there.capture, here.capture
    HAVING count(here.answered_frame) + count(here.translated_frame) + count(here.rejected_frame) > 0
       AND count(there.answered_frame) + count(there.translated_frame) + count(there.rejected_frame) = 0
), nearer AS (
    -- the same for the real server's side
    SELECT CASE WHEN a_nearer > 0.5 THEN a ELSE b END AS capture FROM difference
    UNION
    SELECT there.capture
    FROM sight AS here
    JOIN sight AS there ON there.attempt = here.attempt AND there.capture <> here.capture
                       AND there.forwarded_ttl = here.forwarded_ttl
    GROUP BY there.capture, here.capture
    HAVING count(here.answered_frame) > 0 AND count(there.answered_frame) + count(there.rejected_frame) = 0
), known AS (
    SELECT h.*, p.* EXCLUDE (capture, clients), coalesce(p.clients, 0) AS askers,
           h.capture IN (SELECT capture FROM farther) AS farther, h.capture IN (SELECT capture FROM nearer) AS nearer,
           near_requests = requests AND requests > 0 AS on_clients_link,
           near_replies = replies AND replies > 0 AS on_servers_link
    FROM hops AS h
    LEFT JOIN points AS p USING (capture)
), told AS (
SELECT capture,
       CASE
           WHEN both_sides > 0 AND strays > 0
           THEN 'mirror: it sees both sides of the translation and a reply that does not go back'
           WHEN both_sides > 0 AND cooked THEN 'balancer: a cooked capture that sees both sides of the translation'
           WHEN both_sides > 0 THEN 'balancer-back: it sees the same SYN before and after the translation'
           WHEN hairpins > 0 THEN 'server: its own calls to the virtual service come back to it'
           WHEN asked > 0 AND forwarded > 0
           THEN 'balancer: it sees calls to the virtual service and calls to real servers'
           WHEN forwarded > 0 AND reals > 1
           THEN 'balancer-back: it sees calls to several real servers, none to the virtual service'
           WHEN forwarded > 0 AND nearer
           THEN 'balancer-back: it sees calls to one real server, and another capture is nearer to that server'
           WHEN forwarded > 0 AND farther
           THEN 'server: it sees calls to one real server, and no other capture is nearer to it'
           WHEN forwarded > 0
           THEN 'server: it sees calls to one real server only (the balancer''s inside would look the same)'
           WHEN asked > 0 AND farther
           THEN 'balancer-front: it sees calls to the virtual service, and another capture is nearer to the client'
           WHEN asked > 0 AND askers > 1
           THEN 'balancer-front: it sees calls of several clients to the virtual service, none to real servers'
           WHEN asked > 0 AND nearer
           THEN 'client: it sees one client''s calls to the virtual service, and no other capture is nearer to it'
           WHEN asked > 0
           THEN 'client: it sees one client''s calls to the virtual service only '
                || '(the balancer''s outside would look the same)'
           WHEN passed_on > 0 AND replies = 0
           THEN 'balancer-back: it sees requests that are passed on as they are, and no replies to them'
           -- no balanced service is known here: the hops tell where it stands
           WHEN farther AND nearer AND on_clients_link AND on_servers_link
           THEN 'balancer: it ends some connections and begins others, and other captures hold their other ends'
           WHEN farther AND nearer THEN 'router: of the same packets, one capture is nearer to the client and one '
                || 'nearer to the server'
           WHEN nearer AND on_clients_link
           THEN 'client: requests begin on this link, and other captures are farther on'
           WHEN farther AND on_servers_link
           THEN 'server: replies begin on this link, and other captures are nearer to the client'
           WHEN on_clients_link AND on_servers_link AND clients = 1 AND servers > 1
           THEN 'client: one host calls several others on this link'
           WHEN on_clients_link AND on_servers_link
           THEN 'unknown: both ends of its connections stand on this link; it may be either one''s own'
           WHEN on_clients_link AND replies > 0 AND clients = 1
           THEN 'client: one client''s requests begin on this link, the replies come from behind a router or balancer '
                || '(that one''s own side of this link would look the same)'
           WHEN on_clients_link AND replies > 0
           THEN 'router: several hosts'' requests begin on this link, and the replies come from behind another'
           WHEN on_servers_link AND near_requests = 0 AND requests > 0 AND servers = 1
           THEN 'server: one server''s replies begin on this link, the requests come from behind a router or balancer '
                || '(that one''s own side of this link would look the same)'
           WHEN on_servers_link AND near_requests = 0 AND requests > 0
           THEN 'router: several servers'' replies begin on this link, and the requests come from behind another'
           WHEN requests > 0 AND replies > 0 AND near_requests + near_replies = 0
           THEN 'router: neither requests nor replies begin on this link'
           WHEN requests > 0 AND replies > 0
           THEN 'unknown: some of its connections begin on this link and others do not'
           WHEN requests > 0 THEN 'unknown: it holds requests and no reply'
           ELSE 'unknown: it holds replies and no request'
       END AS told
FROM known
)
SELECT capture, (SELECT d.role FROM point AS d WHERE d.capture = told.capture) AS declared,
       split_part(told, ': ', 1) AS role, told[length(split_part(told, ': ', 1)) + 3:] AS reason
FROM told
"""
"""One row for each capture with a connection: ``declared`` by the user's name for it ('' where that says nothing),
the ``role`` that the packets speak for, and the ``reason`` in words."""
