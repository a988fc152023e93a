"""GLB Director: the forwarding table of GitHub's balancer (table.json).

{"tables": [{"binds": [{"ip": "203.0.113.10", "proto": "tcp", "port": 80}],
             "backends": [{"ip": "10.0.2.11", "state": "active"}]}]}

It tunnels (GUE) to the servers, which answer directly.
"""

from __future__ import annotations

import re

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers import _json
from analyzer.importers._rows import Rows
from analyzer.importers._tree import Scalar, Table
from analyzer.importers._words import misspelt_keys

NAME = "glb"
DESCRIPTION = "GLB Director table.json"

_HEAD = re.compile(r'\A\s*\{\s*"tables"\s*:\s*\[\s*\{\s*"(?:hash_key|seed|binds|backends|name)"')


def sniff(text: str) -> bool:
    """A list of tables with binds and backends."""
    return _HEAD.match(text) is not None


def read(text: str, source: str) -> Mapping:
    """Every bind of a table with every backend of it."""
    rows = Rows(source)
    root = _json.document(text, rows.problems)
    for table in root.tables("tables") if isinstance(root, Table) else ():
        misspelt_keys(table, ("binds", "backends"), (), rows.problems)
        servers: list[tuple[IPAddress, int, bool]] = []
        for backend in table.tables("backends"):
            misspelt_keys(backend, ("ip", "state"), (), rows.problems)
            written = backend.entries.get("ip")
            if isinstance(written, Scalar):
                address = rows.address(written.text, written.line, written.column + 1, "backend")
                if address is not None:
                    servers.append((address, backend.line, backend.text("state") != "inactive"))
        for bind in table.tables("binds"):
            _bind(bind, servers, rows)
    return rows.mapping()


def _bind(bind: Table, servers: list[tuple[IPAddress, int, bool]], rows: Rows) -> None:
    """One address, protocol and port."""
    misspelt_keys(bind, ("ip", "proto", "port"), (), rows.problems)
    written, number = bind.entries.get("ip"), bind.entries.get("port")
    if not isinstance(written, Scalar) or not isinstance(number, Scalar):
        rows.problems.add(bind.line, bind.column, "a bind with ip and port", "less")
        return
    protocol = bind.text("proto") or "tcp"
    if protocol not in {"tcp", "udp"}:
        rows.problems.add(bind.line, bind.column, "proto tcp or udp", shown(protocol))
        return
    if "/" in written.text:
        rows.warn(written.line, f"bind {written.text}: a whole network, not one address")
        return
    address = rows.address(written.text, written.line, written.column + 1, "bind")
    port = rows.port(number.text, number.line, number.column, "bind")
    if address is not None and port is not None:
        reals = [rows.real(Endpoint(server, port), Forwarding.TUNNEL, line, enabled=up) for server, line, up in servers]
        rows.add(Endpoint(address, port), Protocol(protocol), reals, bind.line)
