"""What clients do in the stories: a request over http, a short ssh-like visit, a query over UDP.

Source ports are fixed, so that a story keeps its port numbers when it is
recorded again.
"""

from __future__ import annotations

from analyzer.kernel.bench import Bench
from analyzer.kernel.connection import Outcome
from analyzer.kernel.resident import GREETING

GET = b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: example/1.0\r\nConnection: close\r\n\r\n"
QUERY = b"is anybody there?"

PATIENCE_S = 2.4
"""How long a client of a story waits: its SYN and two retransmissions, a second apart."""


def browse(bench: Bench, host: str, address: str, port: int, *, source_port: int) -> Outcome:
    """Fetch one small page over HTTP/1.1, to the end of the connection."""
    return bench.connect(
        host, address, port, source=("", source_port), send=GET, expect=-1, timeout_s=PATIENCE_S
    )


def visit(bench: Bench, host: str, address: str, port: int = 22, *, source_port: int) -> Outcome:
    """An ssh-like visit: the server greets, then answers two lines of the client."""
    connection = bench.open(host, address, port, source=("", source_port), timeout_s=PATIENCE_S)
    outcome = connection.say(b"", len(GREETING))
    for octets in (64, 200):
        if outcome.ok:
            outcome = connection.say(b"%d 20\n" % octets, octets)
    connection.close()
    return outcome


def query(bench: Bench, host: str, address: str, port: int, *, source_port: int) -> Outcome:
    """One datagram and its answer, on a connected socket."""
    return bench.connect(
        host, address, port, protocol="udp", source=("", source_port), send=QUERY, expect=len(QUERY), timeout_s=1.0
    )
