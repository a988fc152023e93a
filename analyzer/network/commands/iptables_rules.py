"""One rule of iptables: its conditions and its target (iptables(8), iptables-extensions(8))."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from itertools import pairwise

from analyzer.balance.mapping import Endpoint
from analyzer.network.commands.nft_keys import FLAGS, PROTOCOLS, Fields, nets, spans
from analyzer.network.commands.words import Misuse
from analyzer.network.match import EVERY_BIT, Masked, Match, Nets, State
from analyzer.network.nat import Accept, Action, ClampMss, Dnat, Drop, Jump, Return, Rule, SetMark, Snat

MODULES = frozenset({"tcp", "udp", "sctp", "icmp", "icmp6", "icmpv6", "conntrack", "state", "mark", "connmark", "mac",
                     "comment", "multiport", "addrtype", "iprange", "statistic"})
IN_TIME = frozenset({"limit", "hashlimit", "recent", "connlimit", "quota", "time", "connbytes", "rateest"})
"""Matches whose answer depends on what else passed, and when."""

TARGETS: dict[str, tuple[Action, ...]] = {
    "ACCEPT": (Accept(),), "DROP": (Drop(),), "RETURN": (Return(),), "REJECT": (Drop(reject=True),),
    "MASQUERADE": (Snat(),),
    **dict.fromkeys(("DNAT", "SNAT", "MARK", "CONNMARK", "TCPMSS"), ()),     # their options say what follows
    **dict.fromkeys(("CHECKSUM", "CT"), ()),                                 # nothing follows for a packet's way
}
LOGGING = frozenset({"LOG", "NFLOG", "TRACE"})

ICMP_TYPES = {
    4: {"0": "echo-reply", "3": "destination-unreachable", "4": "source-quench", "5": "redirect", "8": "echo-request",
        "9": "router-advertisement", "10": "router-solicitation", "11": "time-exceeded", "12": "parameter-problem",
        "13": "timestamp-request", "14": "timestamp-reply", "17": "address-mask-request", "18": "address-mask-reply"},
    6: {"1": "destination-unreachable", "2": "packet-too-big", "3": "time-exceeded", "4": "parameter-problem",
        "128": "echo-request", "129": "echo-reply", "130": "mld-listener-query", "131": "mld-listener-report",
        "132": "mld-listener-done", "133": "nd-router-solicit", "134": "nd-router-advert",
        "135": "nd-neighbor-solicit", "136": "nd-neighbor-advert", "137": "nd-redirect",
        "143": "mld2-listener-report"},
}
"""Types by number, which is how they are saved."""

_QUIET = {
    **dict.fromkeys(("--comment", "--mode", "--probability", "--every", "--packet", "--reject-with", "--helper"), 1),
    **dict.fromkeys(("--random", "--random-fully", "--persistent", "--checksum-fill"), 0),
    "-c": 2, "--set-counters": 2,
}
"""Options that change nothing here, and how many values they have: another source port finds its way back too."""


@dataclass(slots=True)
class _Reader:
    """One rule's words on their way."""

    left: list[str]
    version: int
    fields: Fields = field(default_factory=dict)
    inverted: set[str] = field(default_factory=set)
    module: str = ""
    target: str = ""
    actions: tuple[Action, ...] = ()
    chance: bool = False

    def rules(self) -> tuple[Rule, ...]:
        """One rule; none where the target changes nothing."""
        while self.left:
            negated = self.left[0] == "!"
            if negated:
                self.take()
            option = self.take()
            if option in ("-m", "--match"):
                self._load(self.take())
            elif option in ("-j", "--jump"):
                self.target = self.take()
                self.actions = TARGETS.get(self.target, (Jump(self.target),))
            elif option in ("-g", "--goto"):
                self.actions = (Jump(self.take(), back=False),)
            elif option in FOLLOWS:
                self.actions = (FOLLOWS[option](self, option),)
            elif option in _QUIET:
                self.left = self.left[_QUIET[option]:]
            else:
                self._condition(option, negated=negated)
        if self.chance and not all(isinstance(each, Dnat | Jump) for each in self.actions):
            raise Misuse(2, "Error: the model takes chances between real servers only")
        match = Match(**self.fields, inverted=frozenset(self.inverted))  # type: ignore[arg-type] # as OPTIONS says
        return tuple(Rule(match, action, self.chance) for action in self.actions)

    def take(self) -> str:
        """The next word."""
        if not self.left:
            raise ValueError("a value is missing")
        return self.left.pop(0)

    def _load(self, module: str) -> None:
        if module in IN_TIME:
            raise Misuse(2, f"Error: the model does not count what passes in a time, as '-m {module}' asks")
        if module not in MODULES:
            raise Misuse(2, f"Error: the model does not know '-m {module}'")
        self.module = module
        self.chance |= module == "statistic"

    def _condition(self, option: str, *, negated: bool) -> None:
        read = OPTIONS.get(option)
        if read is None:
            raise Misuse(2, f"Error: the model does not know {option!r}")
        found = read(self)
        for name, value in found.items():
            if self.fields.setdefault(name, value) != value:
                what = name.replace("_", " ")
                raise Misuse(2, f"Error: the model does not know two conditions on {what} in one rule")
        if negated and found:
            self.inverted.add(list(found)[-1])


def rules_of(words: list[str], version: int) -> tuple[Rule, ...]:
    """What the words behind ``-A CHAIN`` say; ``Misuse`` and ``ValueError`` name what is not known of it."""
    if any(option in ("-j", "--jump") and target in LOGGING for option, target in pairwise(words)):
        return ()                    # whatever it asks: a packet goes on as if it had not been there
    return _Reader(words, version).rules()


def _endpoint(text: str) -> Endpoint:
    """``10.0.2.11``, ``10.0.2.11:8080``, ``[2001:db8::11]:8080``; a range of them is refused by ``ip_address``."""
    if text.count(":") == 1 or text.startswith("["):
        address, _, port = text.rpartition(":") if not text.endswith("]") else (text, "", "0")
        return Endpoint(ip_address(address.strip("[]")), int(port))
    return Endpoint(ip_address(text), 0)


def _masked(text: str) -> Masked:
    value, _, mask = text.partition("/")
    return int(value, 0), int(mask, 0) if mask else EVERY_BIT


def _mark_set(reader: _Reader, option: str) -> Action:
    """``--set-xmark 0x1/0xff`` and its relatives, of the packet or (CONNMARK) of the connection."""
    value, mask = _masked(reader.take())
    keep, turned = {
        "--set-mark": (~(mask | value), value), "--set-xmark": (~mask, value), "--and-mark": (value, 0),
        "--or-mark": (~value, value), "--xor-mark": (EVERY_BIT, value),
    }[option]
    return SetMark(turned, connection=reader.target == "CONNMARK", keep=keep & EVERY_BIT)


def _mark_copied(reader: _Reader, option: str) -> Action:
    """``--save-mark``, ``--restore-mark``, of all bits."""
    while reader.left[:1] in (["--nfmask"], ["--ctmask"], ["--mask"]):
        reader.take()
        mask = reader.take()
        if int(mask, 0) != EVERY_BIT:
            raise Misuse(2, f"Error: the model does not know '{option}' of a part of the mark, {mask}")
    return SetMark(0, connection=option == "--save-mark", keep=EVERY_BIT, copied=True)


FOLLOWS: dict[str, Callable[[_Reader, str], Action]] = {
    "--to-destination": lambda reader, _: Dnat((_endpoint(reader.take()),)),
    "--to-source": lambda reader, _: Snat(ip_address(reader.take().strip("[]"))),
    "--clamp-mss-to-pmtu": lambda *_: ClampMss(0),
    "--set-mss": lambda reader, _: ClampMss(int(reader.take())),
    **dict.fromkeys(("--set-mark", "--set-xmark", "--and-mark", "--or-mark", "--xor-mark"), _mark_set),
    **dict.fromkeys(("--save-mark", "--restore-mark"), _mark_copied),
}
"""Options that say what a target does."""

# conditions -------------------------------------------------------------------------------------------

Option = Callable[[_Reader], Fields]


def _interface(name: str) -> Option:
    return lambda reader: {name: frozenset({_pattern(reader.take())})}


def _pattern(text: str) -> str:
    return f"{text[:-1]}*" if text.endswith("+") else text


def _addresses(name: str) -> Option:
    def read(reader: _Reader) -> Fields:
        return {name: Nets.of(reader.version, (ip_network(each, strict=False) for each in reader.take().split(",")))}

    return read


def _range(name: str) -> Option:
    return lambda reader: {name: Nets.of(reader.version, nets(reader.take()))}


def _protocol(reader: _Reader) -> Fields:
    word = reader.take().lower()
    if word in ("all", "0"):
        return {}
    return {"protocols": frozenset({PROTOCOLS[word] if word in PROTOCOLS else int(word)})}


def _ports(name: str) -> Option:
    def read(reader: _Reader) -> Fields:
        pairs = (each.partition(":") for each in reader.take().split(","))
        return {name: spans(f"{low or 0}-{high or (65535 if colon else low)}" for low, colon, high in pairs)}

    return read


def _states(reader: _Reader) -> Fields:
    words = reader.take().split(",")
    if words == ["DNAT"]:
        return {"dnatted": True}
    return {"states": frozenset(State(word.lower()) for word in words)}


def _direction(reader: _Reader) -> Fields:
    return {"reply": {"ORIGINAL": False, "REPLY": True}[reader.take()]}


def _mark(reader: _Reader) -> Fields:
    return {"connection_marks" if reader.module == "connmark" else "marks": frozenset({_masked(reader.take())})}


def _icmp(reader: _Reader) -> Fields:
    word = reader.take()
    if word in ("any", "255"):
        return {}
    known = ICMP_TYPES[reader.version]
    if word not in known and word not in known.values():
        raise Misuse(2, f"Error: the model does not know the ICMP type {word!r}")
    return {"icmp": frozenset({known.get(word, word)})}


def _tcp_flags(reader: _Reader) -> Fields:
    mask, wanted = reader.take(), reader.take()
    return {"tcp_flags": (_bits(wanted), _bits(mask))}


def _bits(text: str) -> int:
    if text in ("ALL", "NONE"):
        return 0x3F if text == "ALL" else 0
    return sum(FLAGS[word.lower()] for word in set(text.split(",")))


def _local(reader: _Reader) -> Fields:
    word = reader.take()
    if word != "LOCAL":
        raise Misuse(2, f"Error: the model does not know '--dst-type {word}'")
    return {"to_own": True}


OPTIONS: dict[str, Option] = {
    **dict.fromkeys(("-s", "--source", "--src"), _addresses("source")),
    **dict.fromkeys(("-d", "--destination", "--dst"), _addresses("destination")),
    **dict.fromkeys(("-i", "--in-interface"), _interface("incoming")),
    **dict.fromkeys(("-o", "--out-interface"), _interface("outgoing")),
    **dict.fromkeys(("-p", "--protocol", "--proto"), _protocol),
    **dict.fromkeys(("--sport", "--source-port", "--sports", "--source-ports"), _ports("source_ports")),
    **dict.fromkeys(("--dport", "--destination-port", "--dports", "--destination-ports"), _ports("destination_ports")),
    **dict.fromkeys(("--ctstate", "--state"), _states), "--ctdir": _direction, "--mark": _mark,
    "--mac-source": lambda reader: {"macs": frozenset({reader.take().lower()})},
    **dict.fromkeys(("--icmp-type", "--icmpv6-type"), _icmp),
    "--tcp-flags": _tcp_flags, "--syn": lambda _: {"tcp_flags": (FLAGS["syn"], 0x17)},
    "--dst-type": _local, "--src-range": _range("source"), "--dst-range": _range("destination"),
}
