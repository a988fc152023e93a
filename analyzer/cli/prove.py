"""``replypath prove``: what commands, or the fixes of the findings, would do to the captured connections."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.clean import BLOCK_LIMIT, clean
from analyzer.cli import inputs
from analyzer.cli.confined import confined
from analyzer.cli.replay import basis, basis_lines

if TYPE_CHECKING:
    from analyzer.diagnose.finding import Finding, Fix, Proof
    from analyzer.network.host import IPAddress
    from analyzer.rehearsal import Model, Trial

SCHEMA = "replypath-prove/1"
PROVEN, NOT_PROVEN, UNPROVEN = 0, 1, 3
ORDER = ("proven", "unproven", "harmful", "ineffective")
"""What can be said of a fix, the best first."""
STATUS = {"proven": PROVEN, "harmful": NOT_PROVEN, "ineffective": NOT_PROVEN, "unproven": UNPROVEN}


def _address(_: click.Context, __: click.Parameter, value: str | None) -> IPAddress | None:
    try:
        return ip_address(value) if value is not None else None
    except ValueError:
        raise click.BadParameter(f"{value!r} is no IP address; name the host by one of its addresses") from None


@click.command(short_help="Replay the connections before and after some commands.")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@inputs.options
@click.option("--on", callback=_address, metavar="ADDRESS", help="The host that is changed, by one of its addresses.")
@click.option("--command", "commands", multiple=True, metavar="TEXT",
              help="A command to try there; repeatable.  Without it: every fix of the findings.")
@click.option("--kernel", is_flag=True, help="Try it on real Linux namespaces too (as root).")
@click.option("-o", "--output", "folder", metavar="DIR",
              help="With --kernel: keep what every interface captured there, before and after.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", help="Text or JSON.")
@confined(reads=("captures", "maps", "hosts"), unless=("kernel",))
def prove(
    captures: tuple[str, ...], maps: tuple[str, ...], hosts: tuple[str, ...], on: IPAddress | None,
    commands: tuple[str, ...], folder: str | None, output: str, *, kernel: bool,
) -> None:
    """Replay the captured connections before and after some commands, or after each fix that analyze prints.

    Nothing is changed anywhere.  Ends with 0 where it is proven (every finding
    has a proven fix; the commands mend and break nothing), 1 where not, 3 where
    facts are missing.

    \b
    Examples:
      replypath prove client=a.pcap server=b.pcap --map services.yaml
      replypath prove a.pcap --on 10.0.2.11 --command 'ip route add 10.0.2.50/32 via 10.0.2.1'
    """
    if commands and on is None:
        raise click.UsageError("--command needs --on ADDRESS: the host on which it would be typed")
    if folder and not (kernel and commands):
        raise click.UsageError("-o DIR keeps the kernel's captures of some commands: it needs --kernel and --command")
    from analyzer.rehearsal import Model  # noqa: PLC0415 - not for --version

    model = Model.of(captures, inputs.mapping(maps), inputs.facts(hosts))
    if commands and on is not None:
        document = _commands(model, on, commands, kernel=kernel, folder=Path(folder) if folder else None)
    else:
        document = _candidates(model, on, kernel=kernel)
    document |= basis(model)
    if output == "json":
        click.echo(json.dumps({"schema": SCHEMA, **document}, indent=1))
    else:
        for line in _text(document):
            click.echo(clean(line, BLOCK_LIMIT))
    sys.exit(STATUS[document["applicability"]])


# the commands that are given ------------------------------------------------------------------------


def _commands(
    model: Model, on: IPAddress, commands: tuple[str, ...], *, kernel: bool, folder: Path | None
) -> dict[str, Any]:
    trial = model.trial(on, commands)
    document: dict[str, Any] = {
        "on": str(on), "host": trial.host, "commands": list(commands), "applicability": trial.applicability.value,
        "refused": [{"command": command, "error": answer.error} for command, answer in trial.replay.refused],
        "connections": _before_after(trial),
        "findings": [{"finding": title(finding), **_proof(proof)} for finding, proof in trial.proofs],
        "redirects": [str(each) for each in trial.replay.redirects],
        "depends_on": list(trial.depends),
    }
    if kernel:
        document["kernel"] = _on_kernel(model, on, commands, folder)
        document["applicability"] = document["kernel"]["applicability"]
    return document


def _before_after(trial: Trial) -> list[dict[str, Any]]:
    """The table: connections that are alike in one row, those that change first."""
    counted: Counter[tuple[str, ...]] = Counter()
    for row in trial.replay.rows:
        differs = row.differs
        where = f"{differs[0]} at {differs[1].host}" if differs else ""
        each = row.connection
        counted[row.verdict.value, str(each.client), str(each.dialled), row.before.outcome.value,
                row.after.outcome.value, where] += 1
    order = ["newly-broken", "repaired", "unchanged"]
    return [
        dict(zip(("effect", "client", "dialled", "before", "after", "first_different"), key, strict=True), count=count)
        for key, count in sorted(counted.items(), key=lambda item: (order.index(item[0][0]), item[0]))
    ]


def _on_kernel(model: Model, on: IPAddress, commands: Iterable[str], folder: Path | None = None) -> dict[str, Any]:
    done = model.kernel_trial(on, tuple(commands), folder)
    proof = done.proof
    nothing_wrong = not proof.newly_broken and all(row.before.ok for row in done.rows) and not done.calibration
    fine = nothing_wrong and bool(done.rows) and all(each.status == 0 for each in done.commands)
    return {
        **_proof(proof), "applicability": "proven" if fine else proof.applicability.value,
        "said": [str(each) for each in done.commands], "rows": [str(row) for row in done.rows],
        "not_as_captured": list(done.calibration), "left_out": list(done.left_out),
    }


# the fixes of the findings ----------------------------------------------------------------------------


def _candidates(model: Model, on: IPAddress | None, *, kernel: bool) -> dict[str, Any]:
    found = model.candidates(on)
    tables: list[dict[str, Any]] = [
        {"finding": title(finding), "fixes": [_fix(model, fix, kernel=kernel) for fix in fixes]}
        for finding, fixes in found
    ]
    best = [_best([fix["kernel"]["applicability"] if "kernel" in fix else fix["applicability"]
                   for fix in table["fixes"]]) for table in tables]
    healthy = not model.diagnosis.findings and model.diagnosis.verdict.value == "healthy"
    nothing_to_mend = "proven" if healthy else "unproven"
    return {
        "applicability": max(best, key=ORDER.index) if best else nothing_to_mend,
        "verdict": model.diagnosis.verdict.value, "candidates": tables,
    }


def _best(said: list[str]) -> str:
    return min(said, key=ORDER.index) if said else "unproven"


def _fix(model: Model, fix: Fix, *, kernel: bool) -> dict[str, Any]:
    from analyzer.proving import SAID_BY, commands_only  # noqa: PLC0415 - not for --version

    row: dict[str, Any] = {
        "fix": fix.kind, "on": fix.on, "title": fix.title, "dialect": fix.dialect, "recommended": fix.recommended,
        "commands": list(fix.commands), **_proof(fix.proof),
    }
    if kernel and fix.commands and fix.dialect in SAID_BY:
        row["kernel"] = _on_kernel(model, ip_address(fix.on), commands_only(fix.commands))
    return row


def title(finding: Finding) -> str:
    """A finding in one line."""
    return f"{finding.rule} {finding.name}: {', '.join(finding.clients[:3])}" + (
        f" and {len(finding.clients) - 3} more" if len(finding.clients) > 3 else "")


def _proof(proof: Proof) -> dict[str, Any]:
    return {
        "applicability": proof.applicability.value, "repaired": proof.repaired, "newly_broken": proof.newly_broken,
        "unchanged": proof.unchanged, "missing_facts": list(proof.missing_facts),
        "broken_connections": list(proof.broken_connections), "before": list(proof.before), "after": list(proof.after),
    }


# the same as text -------------------------------------------------------------------------------------


def _text(document: dict[str, Any]) -> list[str]:
    lines = _text_of_commands(document) if "commands" in document else _text_of_candidates(document)
    return [*lines, "", *basis_lines(document)]


def _text_of_commands(document: dict[str, Any]) -> list[str]:
    lines = [f"on {document['host']} ({document['on']}):", *(f"  $ {each}" for each in document["commands"])]
    lines += [f"  refused: {each['command']}: {each['error']}" for each in document["refused"]]
    lines += ["", f"{'effect':<13}{'count':>6}  {'client':<24}{'dialled':<28}{'before':<13}{'after':<13}differs first"]
    lines += [f"{row['effect']:<13}{row['count']:>6}  {row['client']:<24}{row['dialled']:<28}{row['before']:<13}"
              f"{row['after']:<13}{row['first_different']}".rstrip() for row in document["connections"]]
    for proof in document["findings"]:
        lines += ["", f"{proof['finding']}: {_counts(proof)}"]
        lines += [f"  missing: {fact}" for fact in proof["missing_facts"]]
        lines += ["  before:", *(f"    {line}" for line in proof["before"])] if proof["before"] else []
        lines += ["  after:", *(f"    {line}" for line in proof["after"])] if proof["after"] else []
    lines += document["redirects"]
    lines += [f"breaks connections, depending on: {each}" for each in document["depends_on"]]
    if "kernel" in document:
        lines += ["", f"on the kernel: {_counts(document['kernel'])}"]
        lines += [f"  {line}" for said in document["kernel"]["said"] for line in said.splitlines()]
        lines += [f"  {row}" for row in document["kernel"]["rows"]]
        lines += [f"  not as captured: {each}" for each in document["kernel"]["not_as_captured"]]
        lines += [f"  left out: {each}" for each in document["kernel"]["left_out"]]
    return [*lines, "", f"all in all: {document['applicability']}"]


def _text_of_candidates(document: dict[str, Any]) -> list[str]:
    if not document["candidates"]:
        return [f"verdict {document['verdict']}: no finding has a fix to try"]
    lines: list[str] = []
    for table in document["candidates"]:
        lines += [table["finding"], f"  {'applicability':<14}{'repaired':>9}{'broken':>8}  fix"]
        for fix in table["fixes"]:
            star = "* " if fix["recommended"] else "  "
            lines.append(f"{star}{fix['applicability']:<14}{fix['repaired']:>9}{fix['newly_broken']:>8}  {fix['fix']} "
                         f"on {fix['on']}: {fix['title']}")
            lines += [f"{'':35}missing: {fact}" for fact in fix["missing_facts"]]
            lines += [f"{'':35}breaks: {each}" for each in fix["broken_connections"]]
            if "kernel" in fix:
                lines.append(f"{'':35}on the kernel: {_counts(fix['kernel'])}")
                lines += [f"{'':35}not as captured: {each}" for each in fix["kernel"]["not_as_captured"]]
        lines.append("")
    return [*lines, f"all in all: {document['applicability']}"]


def _counts(proof: dict[str, Any]) -> str:
    return (f"{proof['applicability']}, {proof['repaired']} repaired, {proof['newly_broken']} newly broken, "
            f"{proof['unchanged']} unchanged")
