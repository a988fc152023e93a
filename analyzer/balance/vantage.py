"""What each capture point is: client, balancer, real server or mirror, and why we think so.

Told from which of the five packets of an attempt (``attempts.py``) it sees.
An on-link real server and the balancer's inside see the same of a healthy
connection; then the simpler role is named and the reason says so.
"""

from __future__ import annotations

import re

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


def declared_role(vantage: str) -> str:
    """The role that a user's name for a capture point says (``server1=a.pcap``), or nothing."""
    return next((role for pattern, role in _NAMES if re.match(pattern, vantage, re.IGNORECASE)), "")


ROLE = """
CREATE TABLE role AS
WITH points AS (
    SELECT s.capture,
           count(*) FILTER (WHERE s.asked_frame IS NOT NULL AND a.virtual_from <> 'dialled') AS asked,
           count(*) FILTER (WHERE s.forwarded_frame IS NOT NULL) AS forwarded,
           count(*) FILTER (WHERE s.asked_frame IS NOT NULL AND s.forwarded_frame IS NOT NULL) AS both_sides,
           count(*) FILTER (WHERE s.forwarded_frame IS NOT NULL AND s.answered_dst_mac > 0
                            AND s.answered_dst_mac <> s.forwarded_src_mac) AS strays,
           count(DISTINCT a.real) FILTER (WHERE s.forwarded_frame IS NOT NULL) AS reals,
           count(DISTINCT a.client) FILTER (WHERE s.asked_frame IS NOT NULL) AS clients,
           bool_or(coalesce(s.asked_dst_mac, s.forwarded_dst_mac) = 0) AS cooked
    FROM sight AS s
    JOIN attempt AS a USING (attempt)
    GROUP BY s.capture
)
SELECT capture,
       (SELECT d.role FROM point AS d WHERE d.capture = points.capture) AS declared,
       CASE
           WHEN both_sides > 0 AND strays > 0 THEN 'mirror'
           WHEN both_sides > 0 AND cooked THEN 'balancer'
           WHEN both_sides > 0 THEN 'balancer-back'
           WHEN asked > 0 AND forwarded > 0 THEN 'balancer'
           WHEN forwarded > 0 AND reals > 1 THEN 'balancer-back'
           WHEN forwarded > 0 THEN 'server'
           WHEN asked > 0 AND clients > 1 THEN 'balancer-front'
           WHEN asked > 0 THEN 'client'
           ELSE 'unknown'
       END AS role,
       CASE
           WHEN both_sides > 0 AND strays > 0
           THEN 'it sees both sides of the translation and a reply that does not go back'
           WHEN both_sides > 0 AND cooked THEN 'a cooked capture that sees both sides of the translation'
           WHEN both_sides > 0 THEN 'it sees the same SYN before and after the translation'
           WHEN asked > 0 AND forwarded > 0 THEN 'it sees calls to the virtual service and calls to real servers'
           WHEN forwarded > 0 AND reals > 1 THEN 'it sees calls to several real servers, none to the virtual service'
           WHEN forwarded > 0
           THEN 'it sees calls to one real server only (the balancer''s inside would look the same)'
           WHEN asked > 0 AND clients > 1
           THEN 'it sees calls of several clients to the virtual service, none to real servers'
           WHEN asked > 0
           THEN 'it sees one client''s calls to the virtual service only (the balancer''s outside would look the same)'
           ELSE 'nothing in it belongs to a balanced service'
       END AS reason
FROM points
"""
