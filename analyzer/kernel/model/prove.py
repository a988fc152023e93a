"""A fix judged by the kernel: the captured connections on the inferred network, before and after its commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from analyzer.diagnose.finding import Applicability, Proof
from analyzer.errors import ModelError
from analyzer.kernel.fix import Ran
from analyzer.kernel.model.network import rebuild, target
from analyzer.kernel.rehearse import Row, rehearse
from analyzer.network.host import IPAddress
from analyzer.network.infer import Inference


@dataclass(frozen=True, slots=True)
class KernelProof:
    """What the kernel says of a fix.

    ``proof`` is in the words of the model's; ``calibration`` names connections
    that did not end on the unchanged bench as they were captured (then the
    proof is ``unproven``); ``commands`` hold what the shell printed; ``before``
    and ``after`` are captures, vantage -> octets of a pcap.
    """

    proof: Proof
    calibration: tuple[str, ...]
    commands: tuple[Ran, ...]
    rows: tuple[Row, ...]
    left_out: tuple[str, ...]
    before: Mapping[str, bytes] = field(default_factory=dict)
    after: Mapping[str, bytes] = field(default_factory=dict)


def prove(known: Inference, on: IPAddress, commands: Sequence[str], *, capture: bool = False) -> KernelProof:
    """Run ``commands`` verbatim on the host that has the address ``on``; with ``capture`` every interface is recorded.

    Raises ``ModelError`` where no such host is known or the network cannot be
    built here, ``ToolError`` where the bench cannot be.
    """
    built = rebuild(known.network, known.connections)
    host = target(known.network, built.names, on)
    if host is None:
        raise ModelError(f"no captured packet and no fact shows a host with the address {on}; the fix was not tried")
    points = {
        f"{each.name}-{interface.name}": (each.name, interface.name)
        for each in built.topology.hosts
        for interface in each.interfaces
    }
    done = rehearse(
        built.topology, built.probes, [(host, command) for command in commands], points=points if capture else None
    )
    calibration = built.disagreements([row.before for row in done.rows])
    proof = replace(done.proof, assumptions=known.assumptions)
    if calibration:
        proof = Proof(Applicability.UNPROVEN, missing_facts=known.missing, assumptions=known.assumptions)
    return KernelProof(proof, calibration, done.commands, done.rows, built.left_out, done.before, done.after)
