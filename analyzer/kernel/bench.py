"""A topology on the real kernel: built on entry, gone on exit.

    with Bench(two_arm()) as bench:
        bench.connect("client", "203.0.113.10", 80)       -> Outcome
        bench.shell("server1", "ip route add 10.0.2.50/32 via 10.0.2.1")
        bench.capture({"client": ("client", "eth0")})     -> a context

Linux with iproute2, util-linux and (for packet filters) nftables; root, or a
kernel that lets everybody make user namespaces.  The hosts are network
namespaces, so their TCP, their routing and their translation are the kernel's
own; nothing is connected to anything outside, and every wait is bounded.
"""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from subprocess import CompletedProcess, TimeoutExpired
from typing import Self

from analyzer.errors import ToolError
from analyzer.kernel.build import host_script, namespaces, script, switch_script
from analyzer.kernel.connection import SLACK_S, Connection, Outcome, Probe, Protocol, dialled, talked
from analyzer.kernel.enclosure import FILES, Enclosure, own_user, tool
from analyzer.kernel.hand import Hand
from analyzer.kernel.topology import SWITCH, Topology

_SWITCHES = r"^net\.ipv[46]\.(ip_forward$|conf\..*\.([a-z]*_redirects|rp_filter|arp_[a-z]*|shared_media|forwarding)$)"

STATE = (
    "ip -d address show",
    "ip route show table all",
    "ip -6 route show table all",
    "ip rule show",
    "ip -6 rule show",
    "nft -s list ruleset",
    f"sysctl -a -r '{_SWITCHES}'",
)
"""What a fix may change and its undo must restore, byte for byte."""

_SETTLE_S, _DUMPCAP_SETTLE_S = 0.1, 0.6
"""How long a capture goes on after the story's end: the last FIN and ACK are still on their way.

dumpcap has no immediate mode; it reads what libpcap has gathered every quarter of a second.
"""



class Bench:
    """Builds ``topology``; raises ``ToolError`` where a tool is missing or a command of the topology fails."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self._hands: dict[str, Hand] = {}
        self._enclosure = Enclosure(namespaces(topology))
        try:
            self._hands = {name: Hand(self._enclosure, name) for name in namespaces(topology)}
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        # The switch's commands name other namespaces, which only a shell inside the walls can see, as its process can.
        self._script(SWITCH, script(switch_script(self.topology)))
        for host in self.topology.hosts:
            for interface in host.interfaces:
                self._hands[host.name].ask("offload", interface=interface.name)
            self._script(host.name, script(host_script(host)))
            for listener in host.listeners:
                self._hands[host.name].ask(
                    "listen",
                    address=listener.address,
                    port=listener.port,
                    protocol=listener.protocol,
                    behaviour=listener.behaviour,
                    target=listener.target or (),
                )

    def _script(self, host: str, text: str) -> None:
        done = self.run(host, ["sh"], given=text)
        if done.returncode:
            # ``sh -x`` names each command before it runs: the last one named is the one that failed.
            last = [line for line in done.stderr.splitlines() if line.startswith("+ ")][-1:]
            said = [line for line in done.stderr.splitlines() if not line.startswith("+ ")][-1:]
            raise ToolError(f"building {host} failed: {' '.join(last + said)}")

    # --- programs ---------------------------------------------------------------------------------------------

    def run(
        self, host: str, argv: Sequence[str], *, timeout_s: float = 20.0, given: str = ""
    ) -> CompletedProcess[str]:
        """Run a program in a host; ``TimeoutExpired`` where it does not end (it is killed)."""
        said = self._hands[host].ask(
            "run",
            argv=[tool(argv[0]), *argv[1:]],
            given=given.encode().decode("latin-1"),
            timeout_s=timeout_s,
            wait_s=timeout_s + SLACK_S,
        )
        out, err = (said[key].encode("latin-1").decode(errors="replace") for key in ("out", "err"))
        if said["status"] is None:
            raise TimeoutExpired(list(argv), timeout_s, out, err)
        return CompletedProcess(list(argv), said["status"], out, err)

    def shell(self, host: str, text: str, *, timeout_s: float = 20.0) -> CompletedProcess[str]:
        """Give ``text`` to the host's ``sh``, verbatim, as a person would paste it."""
        return self.run(host, ["sh", "-c", text], timeout_s=timeout_s)

    def state(self, host: str) -> str:
        """Addresses, routes, rules and packet filter of a host as its own commands print them (``STATE``)."""
        return "".join(f"# {command}\n{self.shell(host, command).stdout}" for command in STATE)

    def ping(self, host: str, address: str, *, count: int = 1, timeout_s: float = 1.0) -> CompletedProcess[str]:
        """``ping -c COUNT -W TIMEOUT``: status 0 when at least one answer came."""
        argv = ["ping", "-n", "-c", str(count), "-i", "0.2", "-W", str(timeout_s), address]
        return self.run(host, argv, timeout_s=timeout_s + count + SLACK_S)

    # --- connections ------------------------------------------------------------------------------------------

    def open(
        self,
        host: str,
        address: str,
        port: int,
        *,
        timeout_s: float = 2.0,
        protocol: Protocol = "tcp",
        source: tuple[str, int] = ("", 0),
    ) -> Connection:
        """Dial from ``host`` and hold the connection.  Does not raise where it fails: see ``outcome``."""
        said = self._hands[host].ask(
            "dial",
            address=address,
            port=port,
            protocol=protocol,
            source=source,
            timeout_s=timeout_s,
            wait_s=timeout_s + SLACK_S,
        )
        return Connection(dialled(said, (address, port)), self._hands[host], said.get("handle"))

    def try_all(
        self, probes: Sequence[Probe], *, timeout_s: float = 2.0, answer_s: float | None = None
    ) -> list[Outcome]:
        """Try connections, all at once: the slowest decides how long it takes.

        ``timeout_s`` is for the handshake, which only kernels take part in;
        ``answer_s`` (default: the same) for the answer of a TCP server, which is
        a program that may have to wait for a processor.
        """
        answers = {"tcp": timeout_s if answer_s is None else answer_s, "udp": timeout_s}
        numbers = [
            self._hands[probe.client].send(
                "visit",
                address=probe.address,
                port=probe.port,
                protocol=probe.protocol,
                source=probe.source,
                send=probe.send.decode("latin-1"),
                expect=probe.expect,
                timeout_s=timeout_s,
                answer_s=answers[probe.protocol],
            )
            for probe in probes
        ]
        outcomes = []
        for probe, number in zip(probes, numbers, strict=True):
            said = self._hands[probe.client].receive(number, timeout_s + answers[probe.protocol] + SLACK_S)
            peer = (probe.address, probe.port)
            outcomes.append(talked(said, probe.expect, peer) if said["connected"] else dialled(said, peer))
        return outcomes

    def connect(
        self,
        host: str,
        address: str,
        port: int,
        *,
        timeout_s: float = 2.0,
        protocol: Protocol = "tcp",
        source: tuple[str, int] = ("", 0),
        send: bytes = b"5 0\n",
        expect: int = 5,
    ) -> Outcome:
        """Dial, send, wait for ``expect`` octets (-1: until the peer closes), close."""
        (outcome,) = self.try_all(
            [Probe(host, address, port, protocol, send, expect, source)], timeout_s=timeout_s
        )
        return outcome

    # --- captures ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def capture(self, points: Mapping[str, tuple[str, str]], *, flags: Sequence[str] = ()) -> Iterator[Captures]:
        """Record at every vantage point (name -> host and interface, or ``SWITCH`` and link) while the context lasts.

        Immediate mode, because libpcap's block timeout otherwise loses the last
        second; whole packets; microseconds.  The octets are there after the context.
        """
        captures = Captures(self._enclosure)
        running: dict[str, tuple[Hand, int]] = {}
        try:
            for vantage, (host, interface) in points.items():
                running[vantage] = (self._hands[host], self._start_capture(host, interface, vantage, flags))
            yield captures
            time.sleep(_DUMPCAP_SETTLE_S if own_user() else _SETTLE_S)
        finally:
            for vantage, (hand, handle) in running.items():
                hand.ask("stop", handle=handle, number=int(signal.SIGINT), timeout_s=10)
                captures.take(vantage)

    def _start_capture(self, host: str, interface: str, vantage: str, flags: Sequence[str]) -> int:
        if own_user():
            # tcpdump gives root's rights up at its start, which a user namespace does not allow.
            argv, ready = [tool("dumpcap"), "-q", "-P", "-i", interface, *flags], "File:"
        else:
            options = ["--immediate-mode", "-U", "-n", "-s", "0", "-Z", "root"]
            argv, ready = [tool("tcpdump"), "-i", interface, *options, *flags], "listening on"
        said = self._hands[host].ask("start", argv=[*argv, "-w", f"{FILES}/{vantage}.pcap"], ready=ready)
        return int(said["handle"])

    # --- the end ----------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take everything down; twice is once."""
        for hand in self._hands.values():
            hand.close()
        self._enclosure.close()
        for hand in self._hands.values():
            hand.wait()
        self._hands = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Captures:
    """The captures of one ``Bench.capture``: vantage -> octets of a pcap file."""

    def __init__(self, enclosure: Enclosure) -> None:
        self._enclosure = enclosure
        self.octets: dict[str, bytes] = {}

    def take(self, vantage: str) -> None:
        """Fetch one file out of the enclosure."""
        self.octets[vantage] = self._enclosure.read(f"{vantage}.pcap")

    def __getitem__(self, vantage: str) -> bytes:
        return self.octets[vantage]


def run_all(bench: Bench, host: str, commands: Sequence[str]) -> list[CompletedProcess[str]]:
    """Each command verbatim, in order; stops at none, because a person at a terminal would not know either."""
    return [bench.shell(host, command) for command in commands]

