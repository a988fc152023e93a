"""Where the packets contradict the declared mapping: the balancer does not do what its configuration says.

``contradiction``  one row per attempt and ``what``:

    other-real      the request went to, or was answered by, an address that is not among the declared real servers
    other-port      ... to a declared real server, at another port
    other-mode      the packets were treated in another way than declared (``declared_mode``, ``seen_mode``)
    answers-itself  the host that holds the virtual address answers by itself, translating nothing

Columns, beside those of the packet that shows it (``seen_capture``, ``seen_frame``, ``seen_position``, ``seen_ns``,
``seen_ttl``, ``seen_src_mac``, ``seen_dst_mac``):

    attempt          of ``attempt``
    certainty        'certain' where the request itself was seen on both sides, else 'likely'
    vip, vport       the declared virtual service, at the port that was dialled
    rip, rport       who really got or answered the request; NULL for answers-itself
    declared_rip, declared_rport    the declared real server that comes nearest (the lowest address among several)
    declared_mode, seen_mode        words of ``balance.mapping.Forwarding``
    source           the lines of the configuration that declare the service
    never_chosen     no connection in any capture went to any of the service's declared real servers

An attempt that also reached a declared real server (chained balancers show several translations) is no contradiction.
"""

from __future__ import annotations

from analyzer.balance.legs import START_TTLS

_SEEN = ("frame", "position", "ns", "ttl", "src_mac", "dst_mac")

_KEY = "{0}kind, {0}client, {0}client_port, {0}isn"


def _packet(source: str, alias: str) -> str:
    """SQL: the columns of one packet of a leg as ``seen_*``."""
    return ", ".join(f"{alias}.{source}_{column} AS seen_{column}" for column in _SEEN)


def _request_or_reply(alias: str) -> str:
    """SQL: the request where this leg holds it, else its reply."""
    return ", ".join(
        f"CASE WHEN {alias}.syn_frame IS NOT NULL THEN {alias}.syn_{column} ELSE {alias}.reply_{column} END "
        f"AS seen_{column}" for column in _SEEN
    )


CONTRADICTION = """
CREATE TABLE contradiction (
    attempt INTEGER, what VARCHAR, certainty VARCHAR, kind UTINYINT, vip UINTEGER, vport USMALLINT,
    rip UINTEGER, rport USMALLINT, declared_rip UINTEGER, declared_rport USMALLINT, declared_mode VARCHAR,
    seen_mode VARCHAR, source VARCHAR, never_chosen BOOLEAN, seen_capture USMALLINT, seen_frame UINTEGER,
    seen_position BIGINT, seen_ns BIGINT, seen_ttl UTINYINT, seen_src_mac UINTEGER, seen_dst_mac UINTEGER
)
"""

CONTRADICTED = f"""
INSERT INTO contradiction
WITH declared AS (
    SELECT * FROM nat WHERE origin = 'declared'
), service AS (
    SELECT kind, vip, vport, string_agg(DISTINCT source, ', ' ORDER BY source) AS source,
           sum(support) = 0 AS never_chosen
    FROM declared
    GROUP BY kind, vip, vport
), translated AS (
    -- what the packets of dialled, declared services turned into, and the declared row that this is
    SELECT p.*, s.vport AS declared_vport, s.source, s.never_chosen, d.forwarding, d.rip IS NOT NULL AS as_declared
    FROM pair AS p
    JOIN service AS s ON s.kind = p.kind AND s.vip = p.vip AND s.vport IN (0, p.vport)
    LEFT JOIN declared AS d ON d.kind = s.kind AND d.vip = s.vip AND d.vport = s.vport
                           AND d.rip = p.rip AND d.rport IN (0, p.rport)
), elsewhere AS (
    SELECT t.*, (SELECT min(d.rport) FROM declared AS d
                 WHERE (d.kind, d.vip, d.vport, d.rip) = (t.kind, t.vip, t.declared_vport, t.rip)) AS same_host_port
    FROM translated AS t
    WHERE ({_KEY.format('')}, vip) NOT IN (SELECT ({_KEY.format('')}, vip) FROM translated WHERE as_declared)
), direct AS (
    -- the untranslated request was passed to a declared real server's own MAC, or the virtual address answers from it
    SELECT {_KEY.format('l.')}, l.server AS vip, l.server_port AS vport, d.vport AS declared_vport,
           d.rip, l.server_port AS rport, d.forwarding, l.capture,
           {', '.join(f"CASE WHEN l.reply_src_mac = o.mac THEN l.reply_{c} ELSE f.syn2_{c} END AS seen_{c}"
                      for c in _SEEN)}
    FROM leg AS l
    JOIN declared AS d ON d.kind = l.kind AND d.vip = l.server AND d.vport IN (0, l.server_port) AND d.rip <> d.vip
    JOIN flow AS f ON f.capture = l.capture AND f.flow = l.flow
    JOIN owner AS o ON o.ip = d.rip AND o.claims > 0
                   AND ((o.mac = l.reply_src_mac AND l.reply_ttl IN {START_TTLS})
                        OR (f.syn2_frame > 0 AND o.mac = f.syn2_dst_mac AND o.mac <> f.syn_dst_mac))
    WHERE d.forwarding NOT IN ('direct', 'tunnel')
      -- a balancer may claim its real servers' addresses, or be one of them
      AND NOT EXISTS (SELECT 1 FROM owner AS v
                      WHERE v.mac = o.mac AND v.claims > 0
                        AND (v.ip = l.server OR v.ip IN (SELECT ip FROM balancer)))
), itself AS (
    SELECT l.*
    FROM leg AS l
    JOIN declared AS d ON d.kind = l.kind AND d.vip = l.server AND d.vport IN (0, l.server_port) AND d.rip <> d.vip
    JOIN owner AS o ON o.ip = l.server AND o.mac = l.reply_src_mac AND o.claims > 0
    WHERE d.forwarding = 'nat' AND l.reply_ttl IN {START_TTLS} AND l.syn_dst_mac = l.reply_src_mac
      AND ({_KEY.format('l.')}) NOT IN (SELECT ({_KEY.format('')}) FROM pair)
), found AS (
    SELECT {_KEY.format('e.')}, e.vip, e.vport, e.declared_vport,
           CASE WHEN same_host_port IS NULL THEN 'other-real' ELSE 'other-port' END AS what,
           CASE WHEN how = 'same request' THEN 'certain' ELSE 'likely' END AS certainty,
           e.rip, e.rport, NULL AS seen_mode, l.capture, {_request_or_reply('l')}
    FROM elsewhere AS e
    JOIN leg AS l ON ({_KEY.format('l.')}) = ({_KEY.format('e.')})
                 AND (l.server, l.server_port) = (e.rip, e.rport)
    UNION ALL
    SELECT {_KEY.format('t.')}, t.vip, t.vport, t.declared_vport, 'other-mode', 'certain',
           t.rip, t.rport, CASE WHEN t.source_too THEN 'full-nat' ELSE 'nat' END, l.capture, {_packet('syn', 'l')}
    FROM translated AS t
    JOIN leg AS l ON ({_KEY.format('l.')}) = ({_KEY.format('t.')})
                 AND (l.server, l.server_port) = (t.rip, t.rport) AND l.syn_frame IS NOT NULL
    WHERE t.how = 'same request' AND t.as_declared
      AND t.forwarding <> CASE WHEN t.source_too THEN 'full-nat' ELSE 'nat' END
    UNION ALL
    SELECT {_KEY.format('')}, vip, vport, declared_vport, 'other-mode', 'certain',
           rip, rport, 'direct', capture, {', '.join(f'seen_{c}' for c in _SEEN)}
    FROM direct
    UNION ALL
    SELECT {_KEY.format('i.')}, i.server, i.server_port, s.vport, 'answers-itself', 'likely',
           NULL, NULL, 'proxy', i.capture, {_packet('reply', 'i')}
    FROM itself AS i
    JOIN service AS s ON s.kind = i.kind AND s.vip = i.server AND s.vport IN (0, i.server_port)
)
SELECT a.attempt, f.what, f.certainty, f.kind, f.vip, f.vport, f.rip, f.rport,
       d.rip AS declared_rip, d.rport AS declared_rport, d.forwarding AS declared_mode, f.seen_mode,
       s.source, s.never_chosen, f.capture AS seen_capture, {', '.join(f'f.seen_{c}' for c in _SEEN)}
FROM found AS f
JOIN attempt AS a USING ({_KEY.format('')})
JOIN service AS s ON (s.kind, s.vip, s.vport) = (f.kind, f.vip, f.declared_vport)
JOIN declared AS d ON (d.kind, d.vip, d.vport) = (f.kind, f.vip, f.declared_vport)
QUALIFY row_number() OVER (PARTITION BY a.attempt, f.what
                           ORDER BY coalesce(d.rip = f.rip, FALSE) DESC, d.rip, d.rport,
                                    f.certainty, f.capture, f.seen_frame) = 1
"""
