"""How likely it is that a learned service is chance: numbers that agree by accident.

A learned row rests on ``k`` agreements (``nat.support``): the same initial
sequence number in two requests, or a reply that acknowledges a request sent
elsewhere.  Were the two sides unrelated, each comparison would agree with the
chance ``q``, and with ``N`` comparisons made in the captures the number of
agreements anywhere is binomial.  What is reported is

    P(X >= k),  X ~ Binomial(N, q)

the chance that so many accidents happen at all, hence no less than that they
happen to this one service.  Past ``EXACTLY`` comparisons the Poisson tail with
mean ``N q`` stands in for it, which for k >= Nq + 1 is not below the binomial one
(Anderson and Samuels 1967): the number errs towards chance.

What is assumed: initial sequence numbers are uniform and independent between
connections (RFC 9293 §3.4.1, RFC 6528); ``plain_isn`` takes those out that
several connections share.  Not counted, though they are required: the order of
the TTLs and MACs, and, where the client's address is kept, TSval and IP
identification.  The number is the larger for it.

    nat        q = 2**-32; N = pairs of requests or replies of one client address and port, to different ends
    full-nat   q = 2**-32 * r; N = pairs of requests within ``TOGETHER_NS`` of one capture, or of two captures
    udp, icmp  q = r, never below 2**-16; N as for nat (as for full-nat where the client is replaced)

``r`` is how often the numbers beside it agree between requests that are surely
unrelated, as measured in these very captures: TSval (else IP identification) for
TCP; the first payload octets with the IP identification for UDP.  It is
estimated with one agreement more than was seen, and for UDP as if 2**16
comparisons had been made before (the identification has 16 bits): a capture of
few packets cannot claim more.
"""

from __future__ import annotations

from math import comb, exp, lgamma, log

from analyzer.balance.full_nat import TOGETHER_NS
from analyzer.tables import TCP

ISN_CHANCE = 2.0**-32
IP_ID_VALUES = 2**16

EXACTLY = 1000
"""Up to so many comparisons the binomial sum is computed term by term."""

_REQUEST = """
SELECT DISTINCT kind, coalesce(inside, client) AS client, coalesce(inside_port, client_port) AS client_port, isn,
       syn_tsval AS tsval, syn_ip_id AS ip_id
FROM leg
WHERE syn_frame IS NOT NULL AND isn NOT IN (SELECT isn FROM plain_isn)
"""

COMPARED = f"""
WITH request AS ({_REQUEST}),
kept AS (
    SELECT kind, sum(n * (n - 1) / 2) AS pairs
    FROM (SELECT kind, count(DISTINCT (isn, server, server_port)) AS n
          FROM leg
          GROUP BY kind, coalesce(inside, client), coalesce(inside_port, client_port))
    GROUP BY kind
), near AS (
    SELECT kind, sum(c) AS pairs
    FROM (SELECT kind, count(*) OVER (PARTITION BY kind, capture ORDER BY syn_ns
                                      RANGE BETWEEN {TOGETHER_NS} PRECEDING AND CURRENT ROW) - 1 AS c
          FROM leg
          WHERE syn_frame IS NOT NULL AND syn_ns >= 0)
    GROUP BY kind
), apart AS (
    SELECT kind, (sum(n) * sum(n) - sum(n * n)) / 2 AS pairs
    FROM (SELECT kind, capture, count(*) AS n FROM leg WHERE syn_frame IS NOT NULL GROUP BY kind, capture)
    GROUP BY kind
), beside AS (
    -- the numbers beside the sequence number, once for each of them: a packet and its translation are one
    SELECT kind, value, count(*) AS n
    FROM (SELECT DISTINCT kind, isn, CASE WHEN kind <> {TCP} THEN isn * {IP_ID_VALUES} + ip_id
                                          WHEN tsval > 0 THEN tsval ELSE -1 - ip_id::BIGINT END AS value,
                 CASE WHEN kind = {TCP} THEN 0 ELSE client * 65536::BIGINT + client_port END AS client
          FROM request)
    GROUP BY kind, value
), agreed AS (
    SELECT kind, sum(n * (n - 1) / 2) AS agreed, sum(n) * (sum(n) - 1) / 2 AS compared
    FROM beside
    GROUP BY kind
)
SELECT kind, coalesce(k.pairs, 0)::DOUBLE AS kept_pairs,
       (coalesce(n.pairs, 0) + coalesce(a.pairs, 0))::DOUBLE AS replaced_pairs,
       coalesce(g.agreed, 0)::DOUBLE AS agreed, coalesce(g.compared, 0)::DOUBLE AS compared
FROM kept AS k
LEFT JOIN near AS n USING (kind)
LEFT JOIN apart AS a USING (kind)
LEFT JOIN agreed AS g USING (kind)
"""
"""By protocol: the comparisons of requests whose client is kept and replaced, and how often numbers beside agree."""


def chance(kind: int, *, replaced: bool, agreed: float, compared: float) -> float:
    """``q``: how likely one comparison of two unrelated requests agrees in all that is asked of it."""
    if kind != TCP:
        return (1 + agreed) / (IP_ID_VALUES + compared)
    return ISN_CHANCE * ((1 + agreed) / (1 + compared) if replaced else 1.0)


def probability(support: int, comparisons: float, chance: float) -> float:
    """P(X >= support) for X ~ Binomial(comparisons, chance), from 0 to 1; 1 where nothing supports it."""
    if support <= 0:
        return 1.0
    if comparisons <= EXACTLY:
        n = round(comparisons)
        tail = (comb(n, k) * chance**k * (1 - chance) ** (n - k) for k in range(support, n + 1))
        return min(1.0, sum(tail))
    mean = comparisons * chance
    if mean <= 0:
        return 0.0
    if support <= mean:
        below = sum(exp(k * log(mean) - mean - lgamma(k + 1)) for k in range(support))
        return max(0.0, 1.0 - below)
    term = exp(support * log(mean) - mean - lgamma(support + 1))
    total, k = 0.0, support
    while term > total * 1e-17:
        total += term
        k += 1
        term *= mean / k
    return min(1.0, total)
