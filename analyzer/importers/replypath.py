"""replypath's own mapping file: YAML, TOML or JSON by one schema.

services:
  - virtual: 203.0.113.10:80          # or "[2001:db8::10]:80"; 203.0.113.10:* is every port
    protocol: tcp                     # tcp (default), udp, icmp (then without port)
    forwarding: nat                   # nat (default), full-nat, direct, tunnel, proxy
    balancer: [10.0.2.1, 203.0.113.2] # the balancer's own addresses, optional
    name: shop                        # optional
    reals: ["10.0.2.11:8080", {address: "10.0.2.12:8080", forwarding: direct, enabled: false, name: web2}]
balancer: [10.0.2.1]                  # the same for all services, optional

Written by hand, therefore strict: every address has its port, every key is
known, and all that is wrong is said at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from analyzer.balance.mapping import Endpoint, Forwarding, IPAddress, Mapping, Protocol, VirtualService
from analyzer.importers import _json, _toml, _yaml
from analyzer.importers._address import ANY_PORT
from analyzer.importers._problems import Problems
from analyzer.importers._schema import TOP, Reader, kind
from analyzer.importers._tree import Items, Limits, Node, Table

NAME = "replypath"
DESCRIPTION = "replypath's own mapping file (YAML, TOML or JSON)"

LIMITS = Limits(depth=16, nodes=2_000_000, scalar=1_000, aliases=False)

_YAML_TOP = re.compile(r"""^(?:\{\s*)?["']?(?:services|balancer)["']?[ \t]*:(.*)$""", re.MULTILINE)
_TOML_TOP = re.compile(r"^(?:\[\[[ \t]*services[ \t]*\]\]|(?:services|balancer)[ \t]*=[ \t]*[\[\"'])", re.MULTILINE)
_JSON_TOP = re.compile(r'\A\s*\{\s*"(?:services|balancer)"\s*:\s*\[')
_HEAD = 100_000


def sniff(text: str) -> bool:
    """A list called ``services`` (or ``balancer``) at the top."""
    head = text[:_HEAD]
    if _JSON_TOP.match(head) or _TOML_TOP.search(head):
        return True
    for match in _YAML_TOP.finditer(head):
        value = match[1].strip()
        if value.startswith("["):
            return True
        if not value or value.startswith("#"):
            return _next_line(head, match.end()).startswith("-")
    return False


def _next_line(text: str, at: int) -> str:
    """The first line after ``at`` that says something, without its indentation."""
    lines = (line.strip() for line in text[at : at + 2_000].split("\n"))
    return next((line for line in lines if line and not line.startswith("#")), "")


def read(text: str, source: str) -> Mapping:
    """The services of the file.  Raises ``ConfigSyntaxError`` with every problem in it."""
    problems = Problems(source)
    root = _tree(text, problems)
    services: list[VirtualService] = []
    balancers: list[IPAddress] = []
    if not isinstance(root, Table):
        raise problems.stop(root.line, root.column, "a mapping with the key 'services'", kind(root))
    reader = Reader(problems)
    reader.only(root, TOP)
    balancers += reader.addresses(root)
    listed = root.entries.get("services")
    if isinstance(listed, Items):
        for item in listed:
            service = reader.service(item, balancers)
            if service is not None:
                services.append(service)
    elif listed is not None:
        problems.add(listed.line, listed.column, "'services' to be a list", kind(listed))
    elif "balancer" not in root.entries:
        problems.add(root.line, root.column, "the key 'services'", "none")
    problems.raise_if_any()
    return Mapping(tuple(services), tuple(dict.fromkeys(balancers)))


def _tree(text: str, problems: Problems) -> Node:
    if text.lstrip()[:1] in {"{", "["} and _JSON_TOP.match(text):
        return _json.document(text, problems, LIMITS)
    if _TOML_TOP.search(text[:_HEAD]):
        return _toml.document(text, problems, LIMITS)
    found = _yaml.documents(text, problems, LIMITS)
    if len(found) != 1:
        line = found[1].line if found else 1
        raise problems.stop(line, 1, "one document with the key 'services'", "another" if found else "an empty file")
    return found[0]


def to_yaml(mapping: Mapping) -> str:
    """The mapping as this file format has it; reading it back gives the same services.

    Origins and warnings become comments: they are for the eye.
    """
    lines = [f"# {_plain(str(warning))}" for warning in mapping.warnings]
    lines.append("services:" if mapping.services else "services: []")
    for service in mapping.services:
        lines += _service_lines(service)
    if mapping.balancers:
        lines.append("balancer: [" + ", ".join(_quoted(str(a)) for a in mapping.balancers) + "]")
    return "\n".join(lines) + "\n"


def _service_lines(service: VirtualService) -> Iterator[str]:
    icmp = service.protocol is Protocol.ICMP
    first = service.reals[0].forwarding if service.reals else Forwarding.NAT
    yield f"  - virtual: {_quoted(_written(service.virtual, icmp=icmp))}    # {_plain(str(service.origin))}"
    yield f"    protocol: {service.protocol}"
    yield f"    forwarding: {first}"
    if service.name:
        yield f"    name: {_quoted(service.name)}"
    yield "    reals:" if service.reals else "    reals: []"
    for real in service.reals:
        address = _quoted(_written(real.endpoint, icmp=icmp))
        more = [f"forwarding: {real.forwarding}"] if real.forwarding is not first else []
        more += [] if real.enabled else ["enabled: false"]
        more += [f"name: {_quoted(real.name)}"] if real.name else []
        written = "{" + ", ".join([f"address: {address}", *more]) + "}" if more else address
        yield f"      - {written}    # {_plain(str(real.origin))}"


def _written(end: Endpoint, *, icmp: bool) -> str:
    if icmp:
        return str(end.address)
    host = f"[{end.address}]" if end.address.version == 6 else str(end.address)
    return f"{host}:{end.port or ANY_PORT}"


def _quoted(text: str) -> str:
    """A YAML text in double quotes (YAML 1.1 §5.7): everything that is not printable is escaped."""
    return '"' + "".join(c if " " <= c <= "~" and c not in '"\\' else f"\\U{ord(c):08x}" for c in text[:900]) + '"'


def _plain(text: str) -> str:
    """A text that can stand in a comment."""
    return "".join(c if " " <= c <= "~" else "?" for c in text)
