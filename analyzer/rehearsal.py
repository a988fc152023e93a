"""The forwarding engine asked directly: captured connections replayed, commands and fixes tried, here or on a kernel.

model = Model.of(["client=a.pcap", "server=b.pcap"], mapping, hosts)
model.judge.calibration      # does the model reproduce what was captured?
model.replayed()             # every connection, hop by hop
model.trial(ip_address("10.0.2.11"), ["ip route add ..."])   # before and after
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

from analyzer import api
from analyzer.balance.mapping import Endpoint, Mapping
from analyzer.diagnose.evidence import Evidence
from analyzer.diagnose.finding import Applicability, Diagnosis, Finding, Fix, Proof
from analyzer.errors import ConfigError, ModelError, OutputError, ToolError
from analyzer.network.calibrate import agrees, calibrate
from analyzer.network.connect import Exchange, connect
from analyzer.network.host import Host, IPAddress
from analyzer.network.inference.captured import Captured
from analyzer.network.inference.variants import variants
from analyzer.network.replay import Replay, Runner, Verdict, replay
from analyzer.proving import SAID_BY, Prover
from analyzer.reading import Read, read_captures
from analyzer.remedy.prove import Judge
from analyzer.rings import place

if TYPE_CHECKING:
    from analyzer.kernel.connection import Outcome as Seen
    from analyzer.kernel.model.prove import KernelProof


@dataclass(frozen=True, slots=True)
class Replayed:
    """One captured connection in the model; ``agrees`` is None where its end was not captured."""

    number: int                    # from 1, in the order of the captures
    connection: Captured
    path: str                      # the file that shows it first, and the frame there
    frame: int
    exchange: Exchange
    agrees: bool | None


@dataclass(frozen=True, slots=True)
class Trial:
    """Commands on one host: the connections before and after, and what they do to each finding."""

    host: str
    replay: Replay
    proofs: tuple[tuple[Finding, Proof], ...]
    depends: tuple[str, ...] = ()  # facts that nobody gave, and with which connections break that do not without

    @property
    def applicability(self) -> Applicability:
        """Of all findings together: one is mended and nothing is harmed, or nothing was wrong and nothing breaks."""
        said = {proof.applicability for _, proof in self.proofs}
        if self.replay.of(Verdict.NEWLY_BROKEN) or Applicability.HARMFUL in said:
            return Applicability.HARMFUL
        if not self.replay.rows or (self.depends and not said):
            return Applicability.UNPROVEN
        if Applicability.PROVEN in said or not (said or self.replay.refused):
            return Applicability.PROVEN
        return Applicability.UNPROVEN if Applicability.UNPROVEN in said else Applicability.INEFFECTIVE


@dataclass(frozen=True, slots=True)
class Model:
    """The network that some captures show, and how well it reproduces them."""

    read: Read
    diagnosis: Diagnosis
    judge: Judge

    @classmethod
    def of(cls, captures: Iterable[str | Path], mapping: Mapping, hosts: Dict[str, Host]) -> Model:
        """Read, diagnose, infer, calibrate.  ``CaptureError`` and ``ModelError`` as their makers raise them."""
        read = read_captures(captures, mapping)
        read.observed.hosts = tuple(hosts.values())
        judged: list[Judge] = []

        def prover(read: Read, evidence: Evidence, mapping: Mapping, hosts: Dict[str, Host]) -> Prover:
            made = Prover(read, evidence, mapping, hosts, most=None)
            judged.append(made.judge())          # while the evidence is there
            return made

        diagnosis = api.diagnose(read, mapping=mapping, hosts=hosts, prover=prover)
        return cls(read, diagnosis, *judged)

    def replayed(self, chosen: str | None = None) -> list[Replayed]:
        """Every connection, or the one that ``chosen`` names: its number, or ``client:port``."""
        known = self.judge.known
        rows = list(enumerate(known.connections, 1))
        if chosen is not None:
            rows = [(number, each) for number, each in rows if _named(chosen, number, each)]
            if not rows:
                raise ConfigError(
                    f"--connection {chosen}: none of the {len(known.connections)} captured connections; expected a "
                    "number or client:port, as replypath replay lists them without --connection"
                )
        open_ends = set(map(id, self.judge.calibration.open_ends))
        runner = Runner(known.network, known.network)
        found = []
        for number, each in rows:
            exchange = runner.run(each)
            index, frame = place(self.read.files, each.capture, each.frame)
            same = None if id(each) in open_ends else agrees(each, exchange)
            found.append(Replayed(number, each, self.read.files[index].read.path, frame, exchange, same))
        return found

    def host(self, on: IPAddress) -> str:
        """The name of the host that has an address; ``ModelError`` where none is known."""
        name = self.judge.known.host_of(on)
        if name is None:
            raise ModelError(
                f"no captured packet and no fact shows a host with the address {on}; give its facts with --host, or "
                "name another address of it"
            )
        return name

    def trial(self, on: IPAddress, commands: Sequence[str]) -> Trial:
        """Run ``commands`` on the host that has the address ``on``."""
        host = self.host(on)
        done = replay(self.judge.known.network, self.judge.calibration.good, host, commands)
        proofs = tuple(
            (finding, self.judge.prove(host, commands, *_about(finding))) for finding in self.diagnosis.findings
            if finding.fixes
        )
        return Trial(host, done, proofs, () if proofs else self._depends(done, host, commands))

    def _depends(self, done: Replay, host: str, commands: Sequence[str]) -> tuple[str, ...]:
        """Where nothing is to be mended: the open facts that decide whether something breaks."""
        known, calibration = self.judge.known, self.judge.calibration
        passed = frozenset[str]().union(*(row.before.hosts | row.after.hosts for row in done.rows))
        found = []
        for variant in variants(known.network, passed):
            network = variant.applied(known.network)
            refuted = len(calibrate(network, known.connections).misses) > len(calibration.misses)
            if not refuted and replay(network, calibration.good, host, commands).of(Verdict.NEWLY_BROKEN):
                found.append(variant.question)
        return tuple(found)

    def candidates(self, on: IPAddress | None = None) -> list[tuple[Finding, list[Fix]]]:
        """Every way out of each finding once, in the dialect whose commands the model executes."""
        found = []
        for finding in self.diagnosis.findings:
            once: dict[tuple[str, str, str], Fix] = {}
            for fix in sorted(finding.fixes, key=_dialect_rank):
                if on is None or fix.on == str(on):
                    once.setdefault((fix.kind, fix.on, fix.title), fix)
            if finding.fixes:
                found.append((finding, [fix for fix in finding.fixes if fix in once.values()]))
        return found

    def predicted(self, rows: Sequence[Replayed], folder: Path) -> list[Path]:
        """Write the predicted packets, one pcapng for each interface that they pass; the files."""
        from analyzer.capture.interface import Interface  # noqa: PLC0415 - only where it is asked for
        from analyzer.capture.write import Frame, write_pcapng  # noqa: PLC0415
        from analyzer.network.predicted import predicted  # noqa: PLC0415
        from analyzer.wire.compose import frame  # noqa: PLC0415

        network = self.judge.known.network
        seen: dict[tuple[str, str], list[Frame]] = {}
        for row in rows:
            for port, packets in predicted(network, self.exactly(row.connection), row.connection.began_ns).items():
                comment = f"predicted: connection {row.number}, {row.connection}"
                seen.setdefault(port, []).extend(Frame(frame(each), each.time_ns, 0, comment) for each in packets)
        folder.mkdir(parents=True, exist_ok=True)
        written = []
        for (host, interface), frames in sorted(seen.items()):
            path = folder / f"{_plain(host)}-{_plain(interface)}.pcapng"
            frames.sort(key=lambda each: each.time_ns)
            write_pcapng(path, [Interface(1, name=f"{host} {interface}")], frames, comment="predicted by replypath")
            written.append(path)
        return written

    def exactly(self, connection: Captured) -> Exchange:
        """The exchange with this connection's own addresses; ``replayed`` gives the first alike."""
        network = self.judge.known.network
        origin = network.owner(connection.client)
        if origin is None:
            raise ModelError(f"no host has the client's address {connection.client}; its packets are not predicted")
        source = Endpoint(connection.client, connection.client_port)
        return connect(network, origin, connection.dialled, connection.protocol, source=source, real=connection.real)

    def on_kernel(self, rows: Sequence[Replayed]) -> tuple[list[tuple[Captured, Seen]], tuple[str, ...], list[str]]:
        """Dial the connections on the same network in namespaces: outcomes, disagreements, what is left out."""
        _needs_linux()
        from analyzer.kernel.bench import Bench  # noqa: PLC0415 - Linux only
        from analyzer.kernel.connection import patient  # noqa: PLC0415
        from analyzer.kernel.fix import ANSWER_S  # noqa: PLC0415
        from analyzer.kernel.model.network import rebuild  # noqa: PLC0415
        from analyzer.kernel.rehearse import PATIENCE_S  # noqa: PLC0415

        built = rebuild(self.judge.known.network, [row.connection for row in rows])
        with Bench(built.topology) as bench:
            outcomes = bench.try_all(built.probes, timeout_s=patient(PATIENCE_S), answer_s=ANSWER_S)
        pairs = [(captured, seen) for (_, captured), seen in zip(built.connections, outcomes, strict=True)]
        return pairs, built.disagreements(outcomes), list(built.left_out)

    def kernel_trial(self, on: IPAddress, commands: Sequence[str], folder: Path | None = None) -> KernelProof:
        """The same as ``trial`` on real namespaces; ``ToolError`` where they cannot be made.

        In ``folder`` the captures of every interface are kept, before and after.
        """
        _needs_linux()
        self.host(on)
        from analyzer.kernel.model.prove import prove  # noqa: PLC0415 - Linux only

        if folder is None:
            return prove(self.judge.known, on, commands)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise OutputError(f"{folder}: is not empty; name another folder for the captures")
        done = prove(self.judge.known, on, commands, capture=True)
        for when, captures in (("before", done.before), ("after", done.after)):
            for vantage, octets in captures.items():
                (folder / f"{when}-{_plain(vantage)}.pcap").write_bytes(octets)
        return done


def _named(chosen: str, number: int, each: Captured) -> bool:
    return chosen in (str(number), str(Endpoint(each.client, each.client_port)), f"{each.client}:{each.client_port}")


def _about(finding: Finding) -> tuple[tuple[IPAddress, ...], Endpoint | None]:
    """The clients of a finding and the service that they call."""
    virtual = finding.virtual
    service = Endpoint(ip_address(virtual.address), virtual.port) if virtual and virtual.address else None
    return tuple(ip_address(client) for client in finding.clients), service


def _dialect_rank(fix: Fix) -> int:
    return SAID_BY.index(fix.dialect) if fix.dialect in SAID_BY else len(SAID_BY)


def _plain(text: str) -> str:
    """A part of a file's name: hosts are called what captures and configurations say."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:60] or "unnamed"


def _needs_linux() -> None:
    if sys.platform != "linux":
        raise ToolError(f"--kernel needs Linux network namespaces, and this is {sys.platform}; leave it out, or run "
                        "the same command as root on a Linux machine")
