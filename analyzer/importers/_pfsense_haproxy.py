"""The HAProxy packages of pfSense and OPNsense, as config.xml keeps them."""

from __future__ import annotations

from collections.abc import Callable

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Protocol, RealServer
from analyzer.clean import shown
from analyzer.importers._rows import Rows, wildcard
from analyzer.importers._xml import Element

Interface = Callable[[str, Element], IPAddress | None]


def pfsense_haproxy(root: Element, rows: Rows, interface: Interface) -> None:
    """``ha_backends`` are the frontends there, ``ha_pools`` the backends."""
    package = root.first("installedpackages", "haproxy")
    pools = {pool.first("name").text: pool for pool in package.all("ha_pools", "item")}
    for front in package.all("ha_backends", "item"):
        name = front.first("name").text
        chosen = [front.first("backend_serverpool").text]
        chosen += [item.first("use_backendbackend").text for item in front.all("a_actionitems", "item")]
        names = [pool for pool in dict.fromkeys(chosen) if pool]
        reals = [real for pool in names for real in _members(pools.get(pool), pool, front, rows)]
        for listener in front.all("a_extaddr", "item"):
            where = listener.first("extaddr")
            port = listener.first("extaddr_port")
            if where.text == "custom":
                custom = listener.first("extaddr_custom")
                address = rows.address(custom.text, custom.line, custom.column, f"frontend {name}")
            elif where.text.endswith("_ipv4"):
                address = interface(where.text.removesuffix("_ipv4"), where)
            else:
                address = rows.address("" if where.text.startswith("any") else where.text, where.line, where.column,
                                       f"frontend {name}")
            number = rows.port(port.text, port.line, port.column, f"frontend {name}")
            if address is not None and number is not None:
                enabled = front.first("status").text in {"", "active"}
                mine = [RealServer(r.endpoint, r.forwarding, r.origin, r.enabled and enabled, r.name) for r in reals]
                rows.add(Endpoint(address, number), Protocol.TCP, mine, listener.line, name)


def _members(pool: Element | None, name: str, front: Element, rows: Rows) -> list[RealServer]:
    """The servers of a pool; with ``transparent_clientip`` it borrows the client's address."""
    if pool is None:
        rows.warn(front.line, f"frontend {front.first('name').text}: no pool called {shown(name)} in this file")
        return []
    borrows = pool.first("transparent_clientip").text not in {"", "no", "disabled"}
    found = []
    for server in pool.all("ha_servers", "item"):
        address, port = server.first("address"), server.first("port")
        host = rows.address(address.text, address.line, address.column, f"pool {name}")
        number = rows.port(port.text, port.line, port.column, f"pool {name}")
        if host is not None and number is not None:
            found.append(rows.real(Endpoint(host, number), Forwarding.NAT if borrows else Forwarding.PROXY, server.line,
                                   enabled=server.first("status").text in {"", "active", "backup"},
                                   name=server.first("name").text))
    return found


def opnsense_haproxy(root: Element, rows: Rows) -> None:
    """Frontends, backends and servers know each other by their uuid."""
    package = root.first("OPNsense", "HAProxy")
    servers = {server.attributes.get("uuid", ""): server for server in package.all("servers", "server")}
    backends = {backend.attributes.get("uuid", ""): backend for backend in package.all("backends", "backend")}
    for front in package.all("frontends", "frontend"):
        name = front.first("name").text
        backend = backends.get(front.first("defaultBackend").text)
        if backend is None:
            rows.warn(front.line, f"frontend {name}: no default backend in this file")
        reals = []
        for uuid in backend.first("linkedServers").text.split(",") if backend else ():
            server = servers.get(uuid.strip())
            if server is not None:
                reals += _server(server, rows, enabled=front.first("enabled").text != "0")
        bind = front.first("bind")
        for text in bind.text.split(",") if bind.text else ():
            host, _, port_text = text.strip().rpartition(":")
            number = rows.port(port_text, bind.line, bind.column, f"frontend {name}")
            address = rows.address(host.strip("[]"), bind.line, bind.column, f"frontend {name}")
            if address is not None and number is not None:
                rows.add(Endpoint(address, number), Protocol.TCP, reals, front.line, name)


def _server(server: Element, rows: Rows, *, enabled: bool) -> list[RealServer]:
    """One server; ``source`` is an address of the balancer."""
    address, port, source = server.first("address"), server.first("port"), server.first("source")
    if source.text and not wildcard(source.text):
        rows.own(rows.address(source.text, source.line, source.column, "source"))
    host = rows.address(address.text, address.line, address.column, f"server {server.first('name').text}")
    number = rows.port(port.text, port.line, port.column, "server") if port.text else 0
    if host is None or number is None:
        return []
    return [rows.real(Endpoint(host, number), Forwarding.PROXY, server.line, name=server.first("name").text,
                      enabled=enabled and server.first("enabled").text != "0")]
