"""Full NAT: the balancer replaces the client's address too, and the two sides of a connection share no address.

What survives is the SYN's initial sequence number, its TSval and, without
timestamps, its IP identification (DOMAIN I1).  Two SYNs of different ends to
different ends that agree in these, the second one hop further, are one
connection; its inner side is then put under the client's own name, so that the
attempt has its five packets like any other, and keeps what the real server saw
in ``leg.inside`` and ``leg.inside_port``.

A datagram has no sequence number: there the first octets of the payload and an
IP identification other than 0 must agree, in one capture, within ``TOGETHER_NS``.
"""

from __future__ import annotations

from analyzer.tables import TCP, UDP

TOGETHER_NS = 3_000_000_000
"""One packet passes a balancer within this time, seen by one clock (a SYN that is sent again looks new after it)."""

INSIDE = "ALTER TABLE leg ADD COLUMN inside UINTEGER; ALTER TABLE leg ADD COLUMN inside_port USMALLINT"
"""``inside``, ``inside_port``: the address that the balancer put in the client's place; NULL where it put none."""

FULL_NAT = f"""
CREATE TABLE full_nat AS
SELECT f.kind, f.client, f.client_port, f.isn, f.server AS vip, f.server_port AS vport,
       b.client AS inside, b.client_port AS inside_port, b.server AS rip, b.server_port AS rport
FROM leg AS f
JOIN leg AS b USING (kind, isn)
WHERE f.syn_frame IS NOT NULL AND b.syn_frame IS NOT NULL
  AND (f.client, f.client_port) <> (b.client, b.client_port)
  AND (f.server, f.server_port) <> (b.server, b.server_port)
  -- one hop further, or passed on by the MAC that it was sent to
  AND (f.syn_ttl > b.syn_ttl
       OR (f.syn_ttl = b.syn_ttl AND f.capture = b.capture AND f.syn_frame < b.syn_frame
           AND b.syn_src_mac > 0 AND b.syn_src_mac = f.syn_dst_mac))
  AND (f.capture <> b.capture OR abs(f.syn_ns::HUGEINT - b.syn_ns) <= {TOGETHER_NS})
  AND ((kind = {TCP} AND f.syn_tsval = b.syn_tsval
        AND (f.syn_tsval > 0 OR (f.syn_ip_id = b.syn_ip_id AND f.syn_ip_id > 0))
        AND isn NOT IN (SELECT isn FROM plain_isn))
       OR (kind = {UDP} AND f.capture = b.capture AND f.syn_ip_id = b.syn_ip_id AND f.syn_ip_id > 0 AND isn > 0))
-- through several balancers the outermost side is the client
QUALIFY row_number() OVER (PARTITION BY kind, isn, b.client, b.client_port, b.server, b.server_port
                           ORDER BY f.syn_ttl DESC, f.capture, f.syn_frame) = 1
"""
"""Both addresses rewritten: ``client`` dialled ``vip``, and ``rip`` was called by ``inside``."""

RENAMED = """
UPDATE leg
SET client = n.client, client_port = n.client_port, inside = n.inside, inside_port = n.inside_port
FROM full_nat AS n
WHERE (leg.kind, leg.client, leg.client_port, leg.isn) = (n.kind, n.inside, n.inside_port, n.isn)
"""
"""The balancer's own half of a connection, under the client's name."""

SNAT_ADDRESS = """
SELECT DISTINCT n.kind, n.vip, n.vport, n.inside AS ip
FROM full_nat AS n
WHERE n.inside <> n.vip
ORDER BY ip
"""
"""The balancer's own addresses that its real servers see, by virtual service."""
