"""The mapping as the packets show it: which virtual service was translated to which real server.

Two observations teach a row, neither needs a configuration:

    the same SYN twice     one client address, port and ISN, two destinations: before and after the balancer
    a reply from another   a SYN to X, and the answer to exactly that SYN (ack = ISN + 1) from Y (``crossed.py``)

Each is a coincidence of 32 bits on top of an equal client address and port (where
the balancer replaces those too, ``full_nat.py`` has put the client's own back).
A row keeps how many attempts taught it (``support``); how likely it is that so
many are chance says ``coincidence.py``, as long as initial sequence numbers are
random (RFC 9293 §3.4.1), which ``ISN_REUSED`` checks before anything is learned.
"""

from __future__ import annotations

from analyzer.balance import crossed
from analyzer.tables import TCP

ISN_REUSED = f"""
CREATE TABLE plain_isn AS
SELECT isn
FROM leg
WHERE kind = {TCP} AND syn_frame IS NOT NULL
GROUP BY isn
HAVING count(DISTINCT (client, client_port)) > 2
"""
"""Initial sequence numbers that several connections share: made by a script, not by a TCP (no pairing rests on them).

Two ends may share one: full NAT keeps the ISN and changes address and port.
"""

PAIR = f"""
CREATE TABLE pair AS
WITH same_request AS (
SELECT DISTINCT f.kind, f.client, f.client_port, f.isn,
       f.server AS vip, f.server_port AS vport, b.server AS rip, b.server_port AS rport,
       b.inside IS NOT NULL AND f.inside IS NULL AS source_too
FROM leg AS f
JOIN leg AS b USING (kind, client, client_port, isn)
WHERE f.syn_frame IS NOT NULL AND b.syn_frame IS NOT NULL
  AND (f.server, f.server_port) <> (b.server, b.server_port)
  AND isn NOT IN (SELECT isn FROM plain_isn)
  -- the translated copy has passed one hop more, or came from the MAC that the first was sent to;
  -- a damaged copy of the same frame has neither
  AND (f.syn_ttl > b.syn_ttl
       OR (f.syn_ttl = b.syn_ttl AND f.capture = b.capture AND f.syn_frame < b.syn_frame
           AND b.syn_src_mac > 0 AND b.syn_src_mac = f.syn_dst_mac))
  -- UDP has no ISN: the same first octets in the same IP packet
  AND (f.kind = 1 OR (f.syn_ip_id = b.syn_ip_id AND f.isn > 0))
), {crossed.CROSSED}
SELECT *, 'same request' AS how FROM same_request
UNION
SELECT kind, client, client_port, isn,
       CASE WHEN turned THEN answers ELSE asked END, CASE WHEN turned THEN answers_port ELSE asked_port END,
       CASE WHEN turned THEN asked ELSE answers END, CASE WHEN turned THEN asked_port ELSE answers_port END,
       FALSE, 'reply from another address'
FROM crossed
WHERE turned IS NOT NULL
"""
"""Which two destinations belong to one attempt: (virtual, real), with how it was seen.
``source_too``: the client's address was translated as well."""

LEARNED_NAT = """
INSERT INTO nat
SELECT kind, vip, vport, rip, rport, CASE WHEN source_too THEN 'full-nat' ELSE 'nat' END, 'inferred', '',
       count(DISTINCT (client, client_port, isn))
FROM pair
WHERE NOT EXISTS (SELECT 1
                  FROM nat AS d
                  WHERE d.kind = pair.kind AND d.vip = pair.vip AND d.vport IN (0, pair.vport)
                    AND d.rip = pair.rip AND d.rport IN (0, pair.rport))
GROUP BY kind, vip, vport, rip, rport, source_too
"""
"""What the packets add to the declared mapping."""

DECLARED_SUPPORT = """
UPDATE nat
SET support = (SELECT count(DISTINCT (client, client_port, isn))
               FROM pair
               WHERE pair.kind = nat.kind AND nat.vip = pair.vip AND nat.vport IN (0, pair.vport)
                 AND nat.rip = pair.rip AND nat.rport IN (0, pair.rport))
WHERE origin = 'declared'
"""
"""How many attempts in the captures confirm each declared row."""
