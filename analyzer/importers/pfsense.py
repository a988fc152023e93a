"""pfSense and OPNsense: config.xml (port forwards, 1:1, the old load balancer, the HAProxy packages).

<nat>
  <rule>
    <destination><address>203.0.113.10</address><port>80</port></destination>
    <protocol>tcp</protocol><target>10.0.2.11</target><local-port>8080</local-port>
  </rule>
</nat>
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._pfsense_haproxy import opnsense_haproxy, pfsense_haproxy
from analyzer.importers._rows import MOST_PORTS, Rows
from analyzer.importers._services import PORTS
from analyzer.importers._xml import Element, document

NAME = "pfsense"
DESCRIPTION = "pfSense or OPNsense config.xml"

_ROOT = re.compile(r"<(?:pfsense|opnsense)[\s>]")
_HEAD = 5_000
_PROTOCOLS = {"tcp": ("tcp",), "udp": ("udp",), "tcp/udp": ("tcp", "udp"), "icmp": ("icmp",),
              "any": ("tcp", "udp", "icmp"), "": ("tcp", "udp", "icmp")}


def sniff(text: str) -> bool:
    """The root element of either."""
    return text.lstrip()[:1] == "<" and _ROOT.search(text[:_HEAD]) is not None


def read(text: str, source: str) -> Mapping:
    """Everything that translates or balances."""
    rows = Rows(source)
    root = document(text, rows.problems)
    reader = _Reader(root, rows)
    for rule in root.all("nat", "rule"):
        reader.forward(rule)
    for rule in root.all("nat", "onetoone"):
        reader.one_to_one(rule)
    for server in root.all("load_balancer", "virtual_server"):
        reader.relay(server)
    pfsense_haproxy(root, rows, reader.interface)
    opnsense_haproxy(root, rows)
    reader.own()
    return rows.mapping()


class _Reader:
    """Elements to rows."""

    def __init__(self, root: Element, rows: Rows) -> None:
        self.root = root
        self.rows = rows
        self.aliases = {alias.first("name").text: alias for alias in (
            *root.all("aliases", "alias"), *root.all("OPNsense", "Firewall", "Alias", "aliases", "alias"))}

    def words(self, element: Element) -> list[str]:
        """What an element names: itself, or what the alias of that name lists."""
        alias = self.aliases.get(element.text)
        if alias is None:
            return [element.text] if element.text else []
        return (alias.first("address").text or alias.first("content").text).split()

    def address(self, text: str, at: Element, what: str) -> IPAddress | None:
        """One address."""
        return self.rows.address(text, at.line, at.column, what)

    def interface(self, name: str, at: Element) -> IPAddress | None:
        """The address of an interface, where it is a fixed one."""
        written = self.root.first("interfaces", name, "ipaddr")
        if written.text in {"", "dhcp", "pppoe", "ppp"}:
            self.rows.warn(at.line, f"the address of {name} is not in this file ({written.text or 'none'})")
            return None
        return self.address(written.text, written, name)

    def virtuals(self, destination: Element, what: str) -> Iterator[IPAddress]:
        """The addresses that a rule asks for: ``address``, ``network`` (``wanip``) or any."""
        network = destination.first("network")
        written = destination.first("address")
        if network.text.endswith("ip"):
            found = self.interface(network.text.removesuffix("ip"), network)
            if found is not None:
                yield found
        elif written.text:
            for text in self.words(written):
                found = self.address(text.partition("/")[0] if text.endswith(("/32", "/128")) else text, written, what)
                if found is not None:
                    yield found
        else:
            self.rows.warn(destination.line, f"{what}: {network.text or 'any destination'}, not one address")

    def ports(self, element: Element, what: str) -> list[tuple[int, int]]:
        """Ports, and how far each is in its range: ``80``, ``8000-8010`` (or ``8000:8010``), a name, an alias.

        A single 0 where there is none: every port.
        """
        found: list[tuple[int, int]] = []
        for text in self.words(element):
            if text == "any":
                found.append((0, 0))
            elif text.lower() in PORTS:
                found.append((PORTS[text.lower()], 0))
            else:
                listed = self.rows.ports(text.replace(":", "-"), element.line, element.column, what)
                found += [(port, number) for number, port in enumerate(listed)]
        return found[:MOST_PORTS] if self.words(element) else [(0, 0)]

    def forward(self, rule: Element) -> None:
        """A port forward: every address and port to every target."""
        what = " ".join(["port forward", *(shown(d.text) for d in rule.all("descr") if d.text)])
        if rule.has("nordr"):
            return
        protocols = _PROTOCOLS.get(rule.first("protocol").text.lower())
        if protocols is None:
            self.rows.warn(rule.line, f"{what}: {shown(rule.first('protocol').text)}; we follow TCP, UDP and ICMP")
            return
        enabled = rule.first("disabled").text == "0" or not rule.has("disabled")
        target, local = rule.first("target"), rule.first("local-port")
        outside = self.ports(rule.first("destination", "port"), what)
        inside = self.ports(local, what)
        if not outside or not inside:
            return
        addresses = [found for text in self.words(target) if (found := self.address(text, target, what)) is not None]
        if not target.text:
            self.rows.problems.add(rule.line, rule.column, f"{what}: a <target>", "none")
        for virtual in list(self.virtuals(rule.first("destination"), what)):
            for port, offset in outside:
                real = min(inside[0][0] + offset, 65535) if inside[0][0] else 0
                reals = [self.rows.real(Endpoint(address, real), Forwarding.NAT, rule.line, enabled=enabled)
                         for address in addresses]
                for protocol in protocols:
                    if protocol != "icmp" or not port:
                        name = rule.first("descr").text
                        self.rows.add(Endpoint(virtual, port), Protocol(protocol), reals, rule.line, name)

    def one_to_one(self, rule: Element) -> None:
        """1:1 NAT: one address for another."""
        what = f"1:1 {shown(rule.first('descr').text)}"
        outside = rule.first("external")
        inside = rule.first("source", "address") if rule.has("source") else rule.first("internal")
        bits = rule.first("subnet").text
        if bits not in {"", "32", "128"} or "/" in inside.text:
            self.rows.warn(rule.line, f"{what}: a whole network, not one address")
            return
        virtual = self.address(outside.text, outside if outside.tag else rule, what)
        real = self.address(inside.text, inside if inside.tag else rule, what)
        if virtual is not None and real is not None:
            row = self.rows.real(Endpoint(real), Forwarding.NAT, rule.line, enabled=not rule.has("disabled"))
            for protocol in Protocol:
                self.rows.add(Endpoint(virtual), protocol, [row], rule.line, rule.first("descr").text)

    def relay(self, server: Element) -> None:
        """The old load balancer (relayd): redirection is translation, a relay a proxy."""
        what = f"virtual server {shown(server.first('name').text)}"
        mode = Forwarding.PROXY if "relay" in server.first("mode").text else Forwarding.NAT
        pools = {pool.first("name").text: pool for pool in self.root.all("load_balancer", "lbpool")}
        name = server.first("poolname").text or server.first("pool").text
        pool = pools.get(name)
        if pool is None:
            self.rows.warn(server.line, f"{what}: no pool called {shown(name)} in this file")
        virtual = self.address(server.first("ipaddr").text, server.first("ipaddr"), what)
        ports = self.ports(server.first("port"), what)
        listed = [*pool.all("servers"), *pool.all("serversdisabled")] if pool else []
        inside = (self.ports(pool.first("port"), what) or [(0, 0)])[0][0] if pool else 0
        for port, _ in ports if virtual is not None else ():
            assert virtual is not None
            reals = [self.rows.real(Endpoint(address, inside or port), mode, one.line, enabled=one.tag == "servers")
                     for one in listed if (address := self.address(one.text, one, what)) is not None]
            self.rows.add(Endpoint(virtual, port), Protocol.TCP, reals, server.line, server.first("name").text)

    def own(self) -> None:
        """Addresses of interfaces and virtual addresses (CARP, alias)."""
        for interface in self.root.first("interfaces").children:
            for tag in ("ipaddr", "ipaddrv6"):
                written = interface.first(tag)
                if "." in written.text or ":" in written.text:
                    self.rows.own(self.address(written.text, written, interface.tag))
        for vip in self.root.all("virtualip", "vip"):
            written = vip.first("subnet")
            if written.text and vip.first("type").text != "network":
                self.rows.own(self.address(written.text, written, "virtual address"))
