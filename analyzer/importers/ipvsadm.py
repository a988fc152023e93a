"""LVS: what ``ipvsadm -S -n``, ``ipvsadm -L -n`` and /proc/net/ip_vs print (ipvsadm(8)).

-A -t 203.0.113.10:80 -s wrr
-a -t 203.0.113.10:80 -r 10.0.2.11:8080 -m -w 1

TCP  203.0.113.10:80 wrr
  -> 10.0.2.11:8080               Masq    1      0          0

TCP  CB00710A:0050 wrr
  -> 0A00020B:1F90      Masq    1      0          0
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from itertools import zip_longest

from analyzer.balance.mapping import Endpoint, Forwarding, Mapping, Protocol
from analyzer.clean import shown
from analyzer.importers._address import split
from analyzer.importers._problems import Expected
from analyzer.importers._rows import Rows
from analyzer.importers._words import Word, bare

NAME = "ipvsadm"
DESCRIPTION = "ipvsadm -S -n, ipvsadm -L -n or /proc/net/ip_vs"

_SAVED = re.compile(
    r"^(?:.*\bipvsadm[ \t]+)?[ \t]*(?:-[Aa]|--add-(?:service|server))[ \t]+(?:-[tuf]\b|--\w+-service)", re.MULTILINE)
_LISTED = re.compile(
    r"^IP Virtual Server version|^(?:TCP|UDP|SCTP|FWM)[ \t]+\S+.*\n[ \t]+->[ \t]+\S+[ \t]+\w+[ \t]+\d", re.MULTILINE)
_FORWARD = {"-m": Forwarding.NAT, "--masquerading": Forwarding.NAT, "-g": Forwarding.DIRECT,
            "--gatewaying": Forwarding.DIRECT, "-i": Forwarding.TUNNEL, "--ipip": Forwarding.TUNNEL,
            "-b": Forwarding.FULL_NAT, "--fullnat": Forwarding.FULL_NAT}    # the last two are those of DPVS
_SHOWN = {"Masq": Forwarding.NAT, "Route": Forwarding.DIRECT, "Tunnel": Forwarding.TUNNEL,
          "FullNat": Forwarding.FULL_NAT, "FNAT": Forwarding.FULL_NAT}
_PROTOCOLS = {"-t": "tcp", "--tcp-service": "tcp", "-u": "udp", "--udp-service": "udp", "--sctp-service": "sctp",
              "-f": "fwmark", "--fwmark-service": "fwmark", "-q": "icmp", "--icmp-service": "icmp"}
_HEX4 = re.compile(r"([0-9A-F]{8}):([0-9A-F]{4})")
_HEX6 = re.compile(r"\[((?:[0-9a-f]{4}:){7}[0-9a-f]{4})\]:([0-9A-F]{4})")
_NO_TABLE = re.compile(r"[ \t]*(?:IP Virtual Server version|Prot[ \t]+LocalAddress|->[ \t]+RemoteAddress)")


def sniff(text: str) -> bool:
    """Commands that add a service or server, or a table with ``->`` lines."""
    return _SAVED.search(text) is not None or _LISTED.search(text) is not None


def read(text: str, source: str) -> Mapping:
    """Services and their real servers, from commands or from a table."""
    reader = _Reader(Rows(source), hexadecimal="RemoteAddress:Port Forward" in text)
    waiting: list[Word] = []
    begun = 0
    for number, raw in enumerate(text.split("\n"), 1):
        words = bare(raw)
        begun = begun if waiting else number
        waiting += words
        if words and words[-1] == "\\":    # a shell's continued line
            waiting.pop()
            continue
        words, waiting = waiting, []
        start = next((i + 1 for i, word in enumerate(words) if word.rpartition("/")[2] == "ipvsadm"), 0)
        words = words[start:]
        if words and words[0].startswith("-") and words[0] != "->":
            reader.command(words, begun)
        elif words and not start and not _NO_TABLE.match(raw):
            reader.listed(words, number)
    return reader.rows.mapping()


class _Reader:
    """Lines to rows."""

    def __init__(self, rows: Rows, *, hexadecimal: bool) -> None:
        self.rows = rows
        self.hexadecimal = hexadecimal
        self.known: set[tuple[str, str]] = set()
        self.here: tuple[Endpoint, Protocol, int] | None = None    # the service above, in a table

    def command(self, words: list[Word], line: int) -> None:
        """One line of ``ipvsadm -S``, or the arguments of ``ipvsadm``."""
        what = words[0]
        if what in {"-d", "-D", "--delete-server", "--delete-service"}:
            self.rows.warn(line, f"{' '.join(words)}: a deletion is not followed; give the output of ipvsadm -S -n")
        if what not in {"-A", "-a", "--add-service", "--add-server"}:
            return
        options: dict[str, Word | None] = dict(zip_longest(words, words[1:]))
        kind = next((option for option in options if option in _PROTOCOLS), None)
        name = options[kind] if kind else None
        if kind is None or name is None:
            self.rows.problems.add(line, words[-1].column, f"{what} -t VIP:PORT, -u VIP:PORT or -f MARK",
                                   shown(" ".join(words)))
            return
        service = self.service(_PROTOCOLS[kind], name, line)
        if what in {"-A", "--add-service"}:
            self.known.add((_PROTOCOLS[kind], str(name)))
            if service:
                self.rows.add(*service, (), line)
            return
        if (_PROTOCOLS[kind], str(name)) not in self.known:
            self.rows.problems.add(line, name.column, f"-A {kind} {name} before its servers", "none")
        real = options.get("-r") or options.get("--real-server")
        if real is None:
            self.rows.problems.add(line, words[-1].column, "-r SERVER:PORT", shown(" ".join(words)))
            return
        forwarding = next((_FORWARD[option] for option in options if option in _FORWARD), Forwarding.DIRECT)
        weight = options.get("-w") or options.get("--weight")
        if service:
            self.server(service, real, forwarding, line, enabled=weight != "0")

    def listed(self, words: list[Word], line: int) -> None:
        """One line of a table: a service, or ``-> SERVER FORWARD WEIGHT ...``."""
        kind = words[0].lower()
        if words[0] == "->":
            if len(words) < 2:
                self.rows.problems.add(line, words[0].column, "-> SERVER:PORT FORWARD WEIGHT", "nothing")
            elif self.here is None:
                return
            elif len(words) < 4 or words[2] not in {*_SHOWN, "Local"}:
                numbers = len(words) > 2 and words[2].rstrip("KMGT").isdigit()
                if numbers:
                    self.rows.warn(line, f"{words[1]}: left out, this table does not say how it forwards; "
                                         "give the output of ipvsadm -S -n")
                else:
                    self.rows.problems.add(line, words[2].column if len(words) > 2 else words[1].column,
                                           "Masq, Route, Tunnel or Local", shown(" ".join(words[2:3])))
            elif words[2] == "Local":
                self.rows.warn(line, f"{words[1]}: left out, it is the balancer itself")
            else:
                self.server(self.here, words[1], _SHOWN[words[2]], line, enabled=words[3] != "0")
        elif kind in {"tcp", "udp", "sctp", "fwm", "icmp"} and len(words) > 1:
            found = self.service("fwmark" if kind == "fwm" else kind, words[1], line)
            self.here = (*found, line) if found else None
            if found:
                self.rows.add(*found, (), line)

    def service(self, protocol: str, name: Word, line: int) -> tuple[Endpoint, Protocol] | None:
        """A virtual service; None for what has no address."""
        if protocol == "fwmark":
            self.rows.warn(line, f"firewall mark {name} has no address; write a mapping file of your own")
            return None
        if protocol == "sctp":
            self.rows.warn(line, f"{name}: SCTP; we follow TCP, UDP and ICMP")
            return None
        if not any(mark in name for mark in ":.$"):
            self.rows.problems.add(line, name.column, "VIP:PORT", shown(name))
            return None
        virtual = self.endpoint(name, line, "virtual service", 0)
        return None if virtual is None else (virtual, Protocol(protocol))

    def server(self, service: tuple[Endpoint, Protocol] | tuple[Endpoint, Protocol, int], name: Word,
               forwarding: Forwarding, line: int, *, enabled: bool) -> None:
        """A real server of a service; without port it gets the service's (ipvsadm(8), -r)."""
        virtual = service[0]
        end = self.endpoint(name, line, "real server", virtual.port)
        if end is not None:
            end = self.rows.unchanged(end, virtual, forwarding, line)
            self.rows.add(virtual, service[1], [self.rows.real(end, forwarding, line, enabled=enabled)], line)

    def endpoint(self, word: Word, line: int, what: str, default: int) -> Endpoint | None:
        """``ADDRESS[:PORT]``, or the kernel's hexadecimal digits."""
        if match := _HEX4.fullmatch(word):
            return Endpoint(IPv4Address(int(match[1], 16)), int(match[2], 16))
        if self.hexadecimal and (match := _HEX6.fullmatch(word)):
            return Endpoint(IPv6Address(match[1]), int(match[2], 16))
        try:
            host, port_text, at = split(word)
        except Expected as wrong:
            self.rows.problems.add(line, word.column + wrong.offset, wrong.expected, shown(word), wrong.hint)
            return None
        address = self.rows.address(host, line, word.column, what)
        if port_text in {None, "0"}:
            return None if address is None else Endpoint(address, default if port_text is None else 0)
        port = self.rows.named_port(port_text or "", line, word.column + at, what)
        return None if address is None or port is None else Endpoint(address, port)
