"""``replypath replay``: the captured connections in the forwarding engine, hop by hop."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analyzer.clean import BLOCK_LIMIT, clean
from analyzer.cli import inputs
from analyzer.cli.confined import confined

if TYPE_CHECKING:
    from analyzer.network.trace import Step
    from analyzer.rehearsal import Model, Replayed

SCHEMA = "replypath-replay/1"
AS_CAPTURED, NOT_AS_CAPTURED, NOTHING_TO_COMPARE = 0, 1, 3
WORDS = {True: "as captured", False: "NOT as captured", None: "its end was not captured"}


@click.command(short_help="Follow the captured connections hop by hop.")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@inputs.options
@click.option("--connection", "chosen", metavar="N|CLIENT:PORT", help="Only this connection.")
@click.option("-o", "--output", "folder", metavar="DIR",
              help="Write the predicted packets there, one pcapng for each interface.")
@click.option("--kernel", is_flag=True, help="Dial the connections on real Linux namespaces too (as root).")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", help="Text or JSON.")
@confined(reads=("captures", "maps", "hosts"), writes=("folder",), unless=("kernel",))
def replay(
    captures: tuple[str, ...], maps: tuple[str, ...], hosts: tuple[str, ...], chosen: str | None, folder: str | None,
    output: str, *, kernel: bool,
) -> None:
    """Follow the captured connections through the network that the captures show, hop by hop.

    Ends with 0 where the model reproduces what was captured, 1 where it does
    not, 3 where nothing can be compared.

    \b
    Examples:
      replypath replay client=a.pcap server=b.pcap --map services.yaml
      replypath replay a.pcap --connection 10.0.2.50:40000 -o predicted/
    """
    from analyzer.rehearsal import Model  # noqa: PLC0415 - not for --version

    model = Model.of(captures, inputs.mapping(maps), inputs.facts(hosts))
    rows = model.replayed(chosen)
    document = _document(model, rows)
    if kernel:
        document["kernel"] = _kernel(model, rows)
    if output == "json":
        click.echo(json.dumps(document, indent=1))
    else:
        for line in _text(document, rows):
            click.echo(clean(line, BLOCK_LIMIT))
    for path in model.predicted(rows, Path(folder)) if folder else ():
        click.echo(f"replypath: predicted packets written to {clean(str(path))}", err=True)
    sys.exit(_status(document))


def _status(document: dict[str, Any]) -> int:
    said = {each["as_captured"] for each in document["connections"]}
    if False in said or document.get("kernel", {}).get("disagreements"):
        return NOT_AS_CAPTURED
    return AS_CAPTURED if True in said else NOTHING_TO_COMPARE


def _document(model: Model, rows: list[Replayed]) -> dict[str, Any]:
    """What is said, as the JSON document."""
    return {"schema": SCHEMA, **basis(model), "connections": [_connection(row) for row in rows]}


def basis(model: Model) -> dict[str, Any]:
    """How far the model can be trusted: what it reproduces, what was assumed, what nobody told."""
    known, calibration = model.judge.known, model.judge.calibration
    return {
        "calibration": {
            "reproduced": len(calibration.good),
            "missed": len(calibration.misses),
            "open_ends": len(calibration.open_ends),
            "misses": list(calibration.sentences()),
            "hindrance": calibration.hindrance or None,
        },
        "assumptions": list(known.assumptions),
        "missing": list(known.missing),
    }


def _connection(row: Replayed) -> dict[str, Any]:
    each = row.connection
    return {
        "number": row.number, "connection": str(each), "capture": row.path, "frame": row.frame,
        "real": str(each.real) if each.real is not None else None,
        "captured": each.outcome.value, "model": row.exchange.outcome.value, "as_captured": row.agrees,
        "packets": [
            {"packet": name, "ends": trace.disposition.value, "at": trace.at, "lines": list(trace.lines()),
             "steps": [_step(step) for step in trace.steps]}
            for name, trace in row.exchange.traces
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    from analyzer.network.trace import ACROSS  # noqa: PLC0415 - not for --version

    told = not step.says.startswith(ACROSS)
    return {
        "host": step.host, "act": step.act.value, "interface": step.interface, "packet": str(step.packet),
        "ttl": step.packet.ttl, "gateway": str(step.gateway) if step.gateway and told else None,
        "mac": (step.mac or None) if told else None, "route": step.row or None, "says": step.says,
    }


def _kernel(model: Model, rows: list[Replayed]) -> dict[str, Any]:
    pairs, disagreements, left_out = model.on_kernel(rows)
    return {
        "outcomes": [{"connection": str(each), "captured": each.outcome.value, "kernel": str(seen)}
                     for each, seen in pairs],
        "disagreements": list(disagreements),
        "left_out": left_out,
    }


def _text(document: dict[str, Any], rows: list[Replayed]) -> list[str]:
    """The document as lines; a way that an earlier connection took is not printed again."""
    lines: list[str] = []
    shown: dict[int, int] = {}
    for row, each in zip(rows, document["connections"], strict=True):
        lines.append(f"{row.number}  {each['connection']}  ({Path(row.path).name}, frame {row.frame}): captured "
                     f"{each['captured']}, model {each['model']}: {WORDS[row.agrees]}")
        first = shown.setdefault(id(row.exchange), row.number)
        if first != row.number:
            lines.append(f"   the same way as connection {first}")
            continue
        lines += [f"   {line}" for line in row.exchange.lines()]
    lines += ["", *basis_lines(document)]
    if "kernel" in document:
        kernel = document["kernel"]
        lines += ["", "on the kernel:"]
        lines += [f"  {each['connection']}: captured {each['captured']}, kernel {each['kernel']}"
                  for each in kernel["outcomes"]]
        lines += [f"  not as captured: {each}" for each in kernel["disagreements"]]
        lines += [f"  left out: {each}" for each in kernel["left_out"]]
    return lines


def basis_lines(document: dict[str, Any]) -> list[str]:
    """``basis`` as text."""
    said = document["calibration"]
    counts = f"{said['reproduced']} connections come out as captured, {said['missed']} do not"
    lines = [f"calibration: {counts}, {said['open_ends']} cannot be compared"]
    lines += [f"  not reproduced: {each}" for each in said["misses"]]
    lines += [f"  nothing is proven: {said['hindrance']}"] if said["hindrance"] and not said["misses"] else []
    lines += [f"assumed: {each}" for each in document["assumptions"]]
    lines += [f"missing: {each}" for each in document["missing"]]
    return lines
