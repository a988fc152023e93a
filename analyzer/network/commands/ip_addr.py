"""``ip addr``, ``ip link`` and ``ip neigh`` as far as they change where packets go (ip-address(8), ip-link(8))."""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import ip_interface

from analyzer.network.commands.words import DONE, Answer, Misuse, Words, choose, netlink, no_device
from analyzer.network.host import IPAddress, IPInterface, Neighbor
from analyzer.network.routing.addresses import add_address, bring_up, remove_address, take_down
from analyzer.network.routing.fib import SCOPE_WORDS, Errno, Refusal, Scope
from analyzer.network.stack import Address, Port, Stack

WILDCARD = """\
Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length ({}/{}) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!"""


def run_address(stack: Stack, words: Words, family: int) -> Answer:
    """``ip addr add|replace|del ADDRESS dev DEV`` and ``ip addr show``."""
    word = words.take() if words else "show"
    command = choose(word, ("add", "change", "chg", "replace", "delete", "show", "list", "lst", "flush"))
    if command in ("show", "list", "lst"):
        ports = stack.ports.values()
        return Answer(output="\n".join(f"{port.name} {own.interface}" for port in ports for own in port.addresses))
    if command not in ("add", "replace", "delete"):
        raise Misuse(255, f'Command "{word}" is unknown, try "ip address help".')
    new, port, said = _parse(stack, words, family)
    if command == "delete":
        return _delete(stack, port, new.interface, said=said)
    refused = add_address(stack, port, new)
    if refused is not None and command == "replace":
        return DONE
    return netlink(refused)


def _parse(stack: Stack, words: Words, family: int) -> tuple[Address, Port, bool]:
    """The address, its interface, and whether a prefix length was said."""
    given: Address | None = None
    said, dev, options = False, "", Options()
    while words:
        word = words.take()
        if word == "dev":
            dev = words.take()
        elif not options.take(word, words):
            word = words.take() if word == "local" else word
            said = "/" in word
            given = Address(ip_interface(Words([word]).prefix(family)))
    if not dev:
        raise Misuse(1, 'Not enough information: "dev" argument is required.')
    if dev not in stack.ports:
        raise no_device(dev)
    if given is None:
        raise Misuse(255, 'Command line is not complete. Try option "help"')
    scope, metric, prefix_route = options.scope, options.metric, options.prefix_route
    return replace(given, scope=scope, metric=metric, prefix_route=prefix_route), stack.ports[dev], said


@dataclass(slots=True)
class Options:
    """The words about an address that are not the address itself."""

    metric: int = 0
    scope: Scope = Scope.UNIVERSE
    prefix_route: bool = True

    def take(self, word: str, words: Words) -> bool:
        """Read one option; False where ``word`` is none."""
        match word:
            case "metric":
                self.metric = words.number("metric")
            case "scope":
                self.scope = SCOPE_WORDS.get(words.take(), Scope.UNIVERSE)
            case "noprefixroute":
                self.prefix_route = False
            case "broadcast" | "brd" | "label" | "peer" | "valid_lft" | "preferred_lft":
                words.take()
            case "nodad" | "optimistic" | "home" | "mngtmpaddr":
                pass
            case _:
                return False
        return True


def _delete(stack: Stack, port: Port, wanted: IPInterface, *, said: bool) -> Answer:
    own = next((each for each in port.addresses if each.ip == wanted.ip), None)
    if said or wanted.version == 6 or own is None or own.interface == wanted:
        return netlink(remove_address(stack, port, wanted))
    refused = remove_address(stack, port, own.interface)
    warning = WILDCARD.format(wanted.ip, wanted.network.prefixlen)
    return Answer(error=warning) if refused is None else netlink(refused)


def run_link(stack: Stack, words: Words) -> Answer:
    """``ip link set [dev] DEV up|down|mtu N|address MAC``."""
    word = words.take() if words else "show"
    if choose(word, ("set", "show", "list")) != "set":
        ports = stack.ports.values()
        return Answer(output="\n".join(f"{port.name} {'UP' if port.up else 'DOWN'} {port.mac}" for port in ports))
    name = words.take()
    if name == "dev":
        name = words.take()
    if name not in stack.ports:
        raise no_device(name)
    port = stack.ports[name]
    while words:
        match words.take():
            case "up":
                bring_up(stack, port)
            case "down":
                take_down(stack, port)
            case "mtu":
                port.mtu = words.number("mtu")
            case "address":
                port.mac = words.take()
            case other:
                raise Misuse(255, f'Error: either "dev" is duplicate, or "{other}" is a garbage.')
    return DONE


def run_neighbor(stack: Stack, words: Words) -> Answer:
    """``ip neigh add|replace|del|flush``; what is flushed is asked for again."""
    command = choose(words.take() if words else "show", ("add", "change", "replace", "delete", "flush", "show"))
    if command == "show":
        known = stack.neighbors.values()
        return Answer(output="\n".join(f"{each.address} dev {each.interface} lladdr {each.mac}" for each in known))
    address, dev, mac = _neighbor(stack, words)
    if command == "flush" or address is None:
        for key in [key for key in stack.neighbors if dev in ("", key[0]) and address in (None, key[1])]:
            del stack.neighbors[key]
        return DONE
    if command == "delete":
        return DONE if stack.neighbors.pop((dev, address), None) else netlink(Refusal(Errno.ENOENT))
    if command == "add" and (dev, address) in stack.neighbors:
        return netlink(Refusal(Errno.EEXIST))
    stack.neighbors[dev, address] = Neighbor(address, mac, dev, "PERMANENT")
    return DONE


def _neighbor(stack: Stack, words: Words) -> tuple[IPAddress | None, str, str]:
    address, dev, mac = None, "", ""
    while words:
        word = words.take()
        if word == "dev":
            dev = words.take()
        elif word == "lladdr":
            mac = words.take()
        elif word in ("nud", "state"):
            words.take()
        elif word not in ("permanent", "all"):
            address = Words([words.take() if word == "to" else word]).address()
    if dev and dev not in stack.ports:
        raise no_device(dev)
    return address, dev, mac
