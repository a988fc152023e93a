"""How often the model and the Linux kernel agree: random hosts, random commands, random questions.

    python tests/network/fidelity.py 2000            # prints the share and the seed of every disagreement
    python tests/network/fidelity.py --seed 17       # one case in full

A case is made from its seed alone.  The same command lines run on the model and,
in a network namespace of their own, on the kernel; exit status, error text,
routing tables afterwards and the answers to ``ip route get`` must be the same.
Needs root and Linux.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from dataclasses import dataclass, field
from ipaddress import ip_interface

from analyzer.network.building import stack_of
from analyzer.network.commands import execute
from analyzer.network.host import Host, Interface, System

MARK = "@@"


@dataclass
class Case:
    """One random host and what is said to it."""

    seed: int
    family: int
    addresses: dict[str, list[str]]
    commands: list[str] = field(default_factory=list)

    def host(self) -> Host:
        """The model's host; addresses in the order in which the kernel lists them (IPv6: the newest first, link-local last)."""
        interfaces = tuple(
            Interface(name, f"02:00:00:00:00:{index:02x}", tuple(map(ip_interface, self.listed(own, index))))
            for index, (name, own) in enumerate(self.addresses.items(), 1)
        )
        return Host("h", System.LINUX, interfaces)

    def listed(self, own: list[str], index: int) -> list[str]:
        return own if self.family == 4 else [*reversed(own), f"fe80::ff:fe00:{index:x}/64"]


def case(seed: int) -> Case:
    """The case of a seed."""
    rng = random.Random(seed)
    family = 6 if seed % 4 == 3 else 4
    made = Case(seed, family, _addresses6(rng) if family == 6 else _addresses4(rng))
    words = Vocabulary(rng, made)
    made.commands = [words.command() for _ in range(rng.randint(8, 16))]
    made.commands += [words.question() for _ in range(rng.randint(6, 10))]
    return made


def _addresses4(rng: random.Random) -> dict[str, list[str]]:
    made = {"eth0": ["10.31.7.71/24"]}
    if rng.random() < 0.3:
        made["eth0"].append(rng.choice(["10.31.7.72/24", "10.31.7.200/32", "10.31.7.73/25", "172.16.3.1/16"]))
    if rng.random() < 0.6:
        made["eth1"] = [rng.choice(["172.20.9.5/24", "10.31.8.5/24", "10.31.7.75/24", "10.31.0.5/16"])]
    return made


def _addresses6(rng: random.Random) -> dict[str, list[str]]:
    made = {"eth0": ["2001:db8:51:7::71/64"]}
    if rng.random() < 0.3:
        made["eth0"].append(rng.choice(["2001:db8:51:7::200/128", "2001:db8:51:7::72/64"]))
    if rng.random() < 0.6:
        made["eth1"] = [rng.choice(["2001:db8:9::5/64", "2001:db8:51:8::5/64", "fd00:9::5/48"])]
    return made


class Vocabulary:
    """Random command lines about one host, biased towards what people type about replies that skip a balancer."""

    def __init__(self, rng: random.Random, made: Case) -> None:
        self.rng, self.made = rng, made
        self.was_down = False
        self.ip = "ip -6" if made.family == 6 else "ip"
        self.devices = [*made.addresses, *made.addresses, *made.addresses, "nosuch"]
        if made.family == 4:
            self.prefixes = [
                "10.31.7.0/24", "10.31.7.0/24", "10.31.7.0/25", "10.31.7.128/25", "10.31.7.44/32", "10.31.7.44", "10.31.7.9/32",
                "default", "0.0.0.0/0", "192.0.2.0/24", "192.0.2.0/25", "198.51.100.7", "10.31.0.0/16", "172.20.9.0/24", "10.31.7.5/24",
            ]
            self.gateways = [
                "10.31.7.9", "10.31.7.9", "10.31.7.9", "10.31.7.1", "10.31.7.1", "10.31.7.71", "172.20.9.9", "10.31.8.1", "10.31.7.255",
                "203.0.113.1", "0.0.0.0", "127.0.0.1", "10.31.7.0", "198.51.100.7",
            ]
            self.targets = ["10.31.7.44", "10.31.7.9", "10.31.7.1", "10.31.7.71", "10.31.7.255", "192.0.2.9", "192.0.2.200",
                            "198.51.100.7", "8.8.8.8", "172.20.9.7", "10.31.8.7", "127.0.0.1", "10.31.7.200"]
            self.sources = ["10.31.7.71", "10.31.7.71", "172.20.9.5", "10.31.8.5", "10.31.7.44", "10.31.7.200"]
            self.metrics = ["0", "50", "100", "1", "1024"]
        else:
            self.prefixes = ["2001:db8:51:7::/64", "2001:db8:51:7::/64", "2001:db8:51:7::/65", "2001:db8:51:7:8000::/65", "2001:db8:51:7::44/128",
                             "2001:db8:51:7::44", "2001:db8:51:7::9/128", "default", "2001:db8:77::/64", "2001:db8:77::1/64", "2001:db8:51::/48"]
            self.gateways = ["2001:db8:51:7::9", "2001:db8:51:7::9", "2001:db8:51:7::9", "2001:db8:51:7::1", "2001:db8:51:7::71", "fe80::9",
                             "2001:db8:9::9", "2001:db8:ffff::1", "2001:db8:51:8::1", "ff02::1"]
            self.targets = ["2001:db8:51:7::44", "2001:db8:51:7::9", "2001:db8:51:7::1", "2001:db8:51:7::71", "2001:db8:77::9",
                            "2001:db8:aaaa::1", "2001:db8:9::7", "2001:db8:51:7:8000::3", "::1"]
            self.sources = ["2001:db8:51:7::71", "2001:db8:9::5"]
            self.metrics = ["1", "256", "256", "1024", "50", "2000"]

    def pick(self, items: list[str]) -> str:
        return self.rng.choice(items)

    def maybe(self, share: float, text: str) -> str:
        return f" {text}" if self.rng.random() < share else ""

    def command(self) -> str:
        kind = self.rng.random()
        if self.made.family == 6 and self.was_down and 0.84 <= kind < 0.89:
            return self.question()       # an IPv6 address on a link that is down: its local row is a race in the kernel
        if kind < 0.62:
            return self.route()
        if kind < 0.74:
            return self.legacy()
        if kind < 0.84:
            return self.rule()
        if kind < 0.89:
            return self.address()
        if kind < 0.93:
            self.was_down = True
            return f"ip link set {self.pick(self.devices)} {self.pick(['down', 'up', 'up'])}"
        if kind < 0.96:
            return f"{self.ip} route flush cache"
        return self.question()

    def route(self) -> str:
        verb = self.pick(["add", "add", "add", "append", "prepend", "replace", "change", "del", "del"])
        kind = self.rng.random()
        table = self.maybe(0.15, f"table {self.pick(['77', '100', 'main', '78'])}")
        metric = self.maybe(0.25, f"metric {self.pick(self.metrics)}")
        tos = self.maybe(0.05, "tos 0x10") if self.made.family == 4 else ""
        prefix = self.pick(self.prefixes)
        if kind < 0.07:
            return f"{self.ip} route {verb} {self.pick(['blackhole', 'unreachable', 'prohibit', 'throw'])} {prefix}{tos}{metric}{table}"
        if kind < 0.25 or (verb == "del" and kind < 0.5):
            dev = f" dev {self.pick(self.devices)}" if verb != "del" or self.rng.random() < 0.4 else ""
            return f"{self.ip} route {verb} {prefix}{dev}{tos}{metric}{table}{self.maybe(0.1, 'proto static')}"
        if kind < 0.3 and self.made.family == 4:
            return f"ip route {verb} {prefix}{metric}{table} nexthop via {self.pick(self.gateways)} nexthop via {self.pick(self.gateways)}"
        dev = self.maybe(0.35, f"dev {self.pick(self.devices)}")
        onlink = self.maybe(0.2, "onlink") if dev else ""
        source = self.maybe(0.1, f"src {self.pick(self.sources)}") if self.made.family == 4 else ""
        return f"{self.ip} route {verb} {prefix} via {self.pick(self.gateways)}{dev}{onlink}{source}{tos}{metric}{table}"

    def legacy(self) -> str:
        verb = self.pick(["add", "add", "del"])
        gateway = f" gw {self.pick([g for g in self.gateways if g not in ('0.0.0.0', 'ff02::1')])}"
        metric = self.maybe(0.2, f"metric {self.pick(self.metrics[1:])}")
        dev = self.maybe(0.3, f"dev {self.pick(self.devices)}")
        if self.made.family == 6:
            return f"route -A inet6 {verb} {self.pick(self.prefixes[:7])}{gateway}{metric}{dev}"
        if self.rng.random() < 0.3:
            return f"route {verb} -host {self.pick(['10.31.7.9', '10.31.7.44', '198.51.100.7'])}" + self.pick([gateway, " dev eth0"]) + metric
        target = self.pick(["-net 10.31.7.0 netmask 255.255.255.0", "-net 10.31.7.0/25", "-net 192.0.2.0/24", "default", "-net 10.31.7.0/24"])
        return f"route {verb} {target}{gateway}{metric}{dev}"

    def rule(self) -> str:
        verb = self.pick(["add", "add", "add", "del"])
        words = [
            self.maybe(0.4, f"from {self.pick(self.sources)}"), self.maybe(0.2, f"to {self.pick(self.targets)}"),
            self.maybe(0.3, "ipproto tcp"), self.maybe(0.3, "sport 8080"), self.maybe(0.2, "fwmark 5"), self.maybe(0.1, "iif eth0"),
            self.maybe(0.3, f"pref {self.pick(['100', '200', '1000'])}"),
        ]
        table = f" {self.pick(['lookup', 'table'])} {self.pick(['77', '77', '100', 'main'])}"
        return f"{self.ip} rule {verb}" + "".join(words) + (table if verb == "add" or not any(words) or self.rng.random() < 0.6 else "")

    def address(self) -> str:
        if self.made.family == 6:
            own = self.pick(["2001:db8:51:7::71/64", "2001:db8:51:7::80/64", "2001:db8:51:7::200/128"])
            extra = " nodad"
        else:
            own = self.pick(["10.31.7.71/24", "10.31.7.80/24", "10.31.7.200/32", "10.31.7.81/24", "198.51.100.1/24", "10.31.7.72/24"])
            extra = self.maybe(0.2, "noprefixroute")
        verb = self.pick(["add", "add", "del"])
        return f"ip addr {verb} {own} dev {self.pick(list(self.made.addresses))}{extra if verb == 'add' else ''}"

    def question(self) -> str:
        words = [self.maybe(0.25, f"from {self.pick(self.sources)}"), self.maybe(0.25, "ipproto tcp sport 8080"), self.maybe(0.2, "mark 5")]
        if self.made.family == 4:
            if self.rng.random() < 0.2:
                # the mark of an arriving packet counts in the reverse look-up only with src_valid_mark
                return f"ip route get {self.pick(self.targets)} from {self.pick([*self.sources, '10.31.7.9', '198.51.100.7', '8.8.8.8'])} iif {self.pick(list(self.made.addresses))}"
            words.append(self.maybe(0.1, "tos 0x10"))
        words.append(self.maybe(0.08, f"oif {self.pick(list(self.made.addresses))}"))
        return f"{self.ip} route get {self.pick(self.targets)}{''.join(words)}"


SETTLED = (
    'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do '
    '[ "$(ip -6 -o addr show up scope global | wc -l)" -le '
    '"$(ip -6 route show table local type local | grep -vc -e fe80 -e ::1)" ] && break; sleep 0.05; done'
)
"""The kernel gives an IPv6 address its local route a while after ``ip addr add`` returned."""

LINKED = (
    "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
    "ip -6 route show table local type local dev {} | grep -q fe80 && break; sleep 0.05; done"
)
"""So it does to the link-local address after ``ip link set up``; until then the host may pick ::1 as source."""


def kernel_script(made: Case) -> str:
    """The shell script that asks the kernel the same."""
    lines = ["ip link set lo up"]
    if made.family == 4:
        lines.append("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1")
    else:
        lines.append("sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0")
    for index, (name, own) in enumerate(made.addresses.items(), 1):
        lines += [f"ip link add {name} address 02:00:00:00:00:{index:02x} type veth peer name q{index}",
                  f"sysctl -qw net.ipv6.conf.q{index}.disable_ipv6=1" if made.family == 6 else "true",
                  f"ip link set q{index} up; ip link set {name} up"]
        lines += [f"ip addr add {each} dev {name}{' nodad' if made.family == 6 else ''}" for each in own]
    lines.append(SETTLED if made.family == 6 else "true")     # link-local addresses settle
    for command in made.commands:
        lines += [f"echo '{MARK}{command}'", f"{command} 2>&1", 'echo "rc=$?"']
        lines += [SETTLED] if made.family == 6 and command.startswith("ip addr add") else []
        up = command.split()[3:4] if made.family == 6 and command.startswith("ip link set") and command.endswith(" up") else []
        lines += [LINKED.format(name) for name in up if name in made.addresses]
    tool = "ip -6" if made.family == 6 else "ip -4"
    for table in TABLES:
        lines += [f"echo '{MARK}{tool} route show table {table}'", f"{tool} route show table {table} 2>&1", "echo rc=0"]
    lines += [f"echo '{MARK}{tool} rule show'", f"{tool} rule show 2>&1", "echo rc=0"]
    return "\n".join(lines)


TABLES = ("main", "local", "77", "100")


def kernel_answers(made: Case) -> list[tuple[str, int, str]]:
    """(command, status, text) of every command as the kernel answers."""
    done = subprocess.run(["unshare", "-n", "bash"], input=kernel_script(made), capture_output=True, text=True, timeout=60, check=False)
    answers = []
    for block in done.stdout.split(MARK)[1:]:
        command, _, rest = block.partition("\n")
        body, _, status = rest.rstrip("\n").rpartition("rc=")
        answers.append((command, int(status), normal(body, made.family)))
    return answers


def normal(text: str, family: int = 4) -> str:
    """Without what only presentation adds: uid, the empty cache line, blanks at line ends, a usage text."""
    lines = []
    for line in text.replace(" uid 0", "").splitlines():
        if line.startswith(("Usage:", "       inet_route", "                   ")):
            continue
        if line.strip().startswith("cache") and "redirected" not in line:
            continue
        if line.startswith("local fe80"):
            continue                     # it comes when duplicate address detection is done, some time after the link
        lines.append(line.rstrip())
    if family == 6 and len(lines) > 1:
        lines.sort()           # IPv6 tables are dumped in tree order
    return "\n".join(lines).strip()


def model_answers(made: Case) -> list[tuple[str, int, str, set[str]]]:
    """The same from the model; the last item holds the answers that the kernel's hash or neighbours may choose."""
    stack = stack_of(made.host())
    answers = []
    tool = "ip -6" if made.family == 6 else "ip -4"
    shows = [f"{tool} route show table {table}" for table in TABLES] + [f"{tool} rule show"]
    for command in [*made.commands, *shows]:
        answer = execute(stack, command)
        text = normal("\n".join(part for part in (answer.output, answer.error) if part), made.family)
        status = 0 if " show" in command else answer.status
        answers.append((command, status, text, also(stack, command)))
    return answers


def also(stack, command: str) -> set[str]:
    """Other answers that are as right: the model says itself that something else decides."""
    from analyzer.network.commands.alternatives import others

    return {normal(text) for text in others(stack, command)}


def disagreements(made: Case) -> list[str]:
    """What differs, one text each; empty where model and kernel agree."""
    wrong = []
    for (command, status, text), (_, our_status, our_text, allowed) in zip(kernel_answers(made), model_answers(made), strict=True):
        if (status, text) != (our_status, our_text) and not (status == our_status and text in allowed):
            wrong.append(f"$ {command}\n  kernel [{status}] {text}\n  model  [{our_status}] {our_text}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("count", nargs="?", type=int, default=200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--show", type=int, default=100, help="at most so many lines of a case")
    parser.add_argument("--stop", type=int, default=10**9, help="stop after this many disagreements")
    args = parser.parse_args()
    if args.seed is not None:
        made = case(args.seed)
        for command, status, text in kernel_answers(made):
            print(f"$ {command}\n  [{status}] {text}")
        print("----")
    seeds = [args.seed] if args.seed is not None else range(args.first, args.first + args.count)
    bad = []
    answers = 0
    for seed in seeds:
        made = case(seed)
        answers += len(made.commands)
        found = disagreements(made)
        if found:
            bad.append(seed)
            print(f"seed {seed} (IPv{made.family})", *found[: args.show], sep="\n")
        if len(bad) >= args.stop:
            break
    print(f"{len(seeds) - len(bad)} of {len(seeds)} random hosts agree ({answers} commands); seeds that disagree: {bad or 'none'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
