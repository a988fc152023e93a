"""Which of two addresses is the virtual one, where a request went to one and its answer came from the other.

Either the client dialled the virtual service and the real server answered with its
own address, past the balancer; or the captures hold the translated request and the
translated reply, and not what came in between.  Both look alike, and the first is a
fault where the second is none, so what tells them apart must be in the packets:

    hops     who sends a reply with a start TTL answers for itself; a client's request with one is not translated yet
    copies   the same reply under two addresses: the one with fewer hops left was translated
    MACs     one neighbour passes on both: it translates both ways.  The reply goes to whom the request came from, or
             comes from whom the request went to: one path, and nothing between its two ends
    others   other requests between the two, a handshake that the client completes, the configuration

Where nothing tells, or one thing contradicts another, neither is concluded.
"""

from __future__ import annotations

from analyzer.balance.legs import START_TTLS

CROSSED = f"""
first_hand AS (
    SELECT DISTINCT kind, server, server_port FROM leg WHERE reply_ttl IN {START_TTLS}
), met AS (
    SELECT f.kind, f.client, f.client_port, f.isn, f.server AS asked, f.server_port AS asked_port,
           r.server AS answers, r.server_port AS answers_port,
           coalesce(bool_or(
               r.done
               OR (f.capture = r.capture AND f.syn_src_mac > 0 AND r.reply_src_mac = f.syn_src_mac
                   AND f.syn_ttl NOT IN {START_TTLS} AND r.reply_ttl NOT IN {START_TTLS})
               OR (f.reply = r.reply AND f.reply_seq = r.reply_seq AND f.reply_ttl > r.reply_ttl)
           ), FALSE) AS turned,
           coalesce(bool_or(
               f.syn_ttl IN {START_TTLS}
               OR (f.capture = r.capture AND r.reply_dst_mac > 0
                   AND (r.reply_dst_mac = f.syn_src_mac OR r.reply_src_mac = f.syn_dst_mac))
               -- the client's own reset passes where its request did
               OR (f.capture = r.capture AND f.syn_src_mac > 0 AND r.reject_src_mac = f.syn_src_mac
                   AND r.reject_ttl = f.syn_ttl)
               OR (f.reply = r.reply AND f.reply_seq = r.reply_seq AND f.reply_ttl < r.reply_ttl)
           ), FALSE) AS straight
    FROM leg AS f
    JOIN leg AS r USING (kind, client, client_port, isn)
    WHERE f.syn_frame IS NOT NULL AND r.syn_frame IS NULL
      AND (f.server, f.server_port) <> (r.server, r.server_port)
      AND isn NOT IN (SELECT isn FROM plain_isn)
      AND NOT EXISTS (SELECT 1
                      FROM leg AS own
                      WHERE (own.kind, own.client, own.client_port, own.isn) = (r.kind, r.client, r.client_port, r.isn)
                        AND (own.server, own.server_port) = (r.server, r.server_port)
                        AND own.syn_frame IS NOT NULL)
    GROUP BY ALL
), ends AS (
    SELECT kind, asked, asked_port, answers, answers_port, bool_or(turned) AS turned, bool_or(straight) AS straight
    FROM met
    GROUP BY ALL
), known AS (
    SELECT e.kind, e.asked, e.asked_port, e.answers, e.answers_port,
           -- what is configured, and what other requests show, is surer than hops and MACs
           CASE WHEN EXISTS (SELECT 1 FROM nat AS n
                             WHERE n.kind = e.kind AND n.vip = e.answers AND n.vport IN (0, e.answers_port)
                               AND n.rip = e.asked AND n.rport IN (0, e.asked_port)) THEN TRUE
                WHEN EXISTS (SELECT 1 FROM nat AS n
                             WHERE n.kind = e.kind AND n.vip = e.asked AND n.vport IN (0, e.asked_port)) THEN FALSE
                WHEN EXISTS (SELECT 1 FROM same_request AS s
                             WHERE (s.kind, s.vip, s.vport) = (e.kind, e.answers, e.answers_port)
                               AND (s.rip, s.rport) = (e.asked, e.asked_port)) THEN TRUE
                WHEN EXISTS (SELECT 1 FROM same_request AS s
                             WHERE (s.kind, s.vip, s.vport) = (e.kind, e.asked, e.asked_port)) THEN FALSE END AS told,
           e.turned OR coalesce(a.server IS NOT NULL AND b.server IS NULL, FALSE) AS turned,
           e.straight OR coalesce(b.server IS NOT NULL AND a.server IS NULL, FALSE) AS straight
    FROM ends AS e
    LEFT JOIN first_hand AS a ON (a.kind, a.server, a.server_port) = (e.kind, e.asked, e.asked_port)
    LEFT JOIN first_hand AS b ON (b.kind, b.server, b.server_port) = (e.kind, e.answers, e.answers_port)
), crossed AS (
    SELECT met.* EXCLUDE (turned, straight),
           coalesce(known.told, CASE WHEN met.turned <> met.straight THEN met.turned
                                     WHEN known.turned <> known.straight THEN known.turned END) AS turned
    FROM met
    JOIN known USING (kind, asked, asked_port, answers, answers_port)
)
"""
"""Common table expressions behind ``same_request``; ``crossed`` has one row for each such attempt.
``turned``: the answer's address is the virtual one; NULL = nobody can tell."""
