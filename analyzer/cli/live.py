"""``replypath live``: the same diagnosis while it happens."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from analyzer.clean import clean
from analyzer.cli import confined, inputs

if TYPE_CHECKING:
    from analyzer.diagnose.ruledoc import Rule
    from analyzer.live.run import Wanted

EXIT = {"healthy": 0, "bypass": 1, "fault": 1, "cannot-tell": 3}


@click.command(short_help="Diagnose while it happens, on interfaces or pipes.")
@click.argument("pipes", nargs=-1, metavar="[NAME=]PIPE...")
@click.option("-i", "--interface", "interfaces", multiple=True, metavar="[NAME=]IFACE",
              help="Capture on this interface; repeatable, each is a capture point of its own.")
@inputs.options
@click.option("--filter", "bpf", default="", metavar="BPF", help="Capture only this (pcap-filter(7)).")
@click.option("--snaplen", "snap", type=click.IntRange(0, 262144), default=256, metavar="OCTETS", show_default=True,
              help="Keep so much of each frame; 0: all of it.")
@click.option("--duration", "duration_s", type=click.FloatRange(min=0), metavar="SECONDS", help="End after so long.")
@click.option("--packets", type=click.IntRange(min=1), metavar="N", help="End after so many frames.")
@click.option("--until-finding", is_flag=True, help="End with the first finding of severity error.")
@click.option("--save", metavar="FILE", help="Keep captured packets, and write them as pcapng at the end.")
@click.option("--ring", "ring_mib", type=click.IntRange(1, 1 << 20), default=256, metavar="MIB", show_default=True,
              help="Packets that --save keeps at most; those that prove a finding stay.")
@click.option("--window", "window_s", type=click.IntRange(10, 86400), default=600, metavar="SECONDS",
              show_default=True, help="How far back a diagnosis looks; what is older is counted.")
@click.option("--report", "reports", multiple=True, metavar="FILE",
              help="Also write a report at the end; the suffix chooses the format (.html .json ...).")
@click.option("--force", is_flag=True, help="Let --save and --report replace a file that exists.")
@click.option("--format", "output", default="terminal", metavar="NAME",
              help="The report on standard output: terminal, json ...; ndjson: every event as a line of JSON.")
@click.option("--rules", "rules_folder", metavar="DIR", help="Rule documents of your own, besides ours.")
@click.option("--os", "systems", multiple=True, metavar="NAME", help="Print commands in this dialect first.")
@click.option("--on-finding", "on_finding", metavar="CMD",
              help="Run this program (absolute path, no shell) on each finding, with its JSON on standard input.")
@click.option("--metrics", metavar="[ADDRESS:]PORT", help="Numbers for Prometheus, on this host only unless told.")
@click.option("--metrics-file", metavar="FILE", help="Numbers for Prometheus as a text file.")
@click.option("--dissect", is_flag=True, help="Wireshark's own words on the frames that findings cite (with --save).")
@click.option("--recipe", is_flag=True,
              help="Print the commands that bring other hosts' packets here: NAME=HOST/IFACE for each, or --map.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on standard error but errors.")
@click.option("-v", "--verbose", count=True, help="Say more; -vv shows tracebacks.")
@confined.option
def live(
    rules_folder: str | None, maps: tuple[str, ...], hosts: tuple[str, ...], verbose: int, *, no_sandbox: bool,
    **asked: Any,  # noqa: ANN401 - by their names to Wanted
) -> None:
    """Diagnose while it happens: interfaces of this host, or captures that come through pipes ('-': standard input).

    Only dumpcap (or tcpdump) needs rights. Ctrl-C ends with the report, twice at once.

    \b
    Examples:
      replypath live -i eth0
      replypath live -i eth0 -i eth1 --map haproxy.cfg --save evidence.pcapng
      replypath live --recipe balancer=root@lb1/eth0 server=10.0.2.11/eth0
      ssh -n balancer "tcpdump -U -w - -s 256 -i eth0 'not port 22'" | replypath live -
    """
    del verbose
    if asked.pop("recipe"):
        from analyzer.live.recipe import recipe  # noqa: PLC0415 - NumPy is not loaded for --version

        for line in recipe(asked["pipes"], inputs.mapping(maps), maps):
            click.echo(line)
        return
    from analyzer.confine import here  # noqa: PLC0415

    with here.single_threaded():
        from analyzer.live import run  # noqa: PLC0415

        wanted: Wanted = run.Wanted(
            mapping=inputs.mapping(maps), hosts=inputs.facts(hosts), rules=_rules(rules_folder),
            command=shlex.join(["replypath", *sys.argv[1:]]),
            confined=confined.wanted(no_sandbox=no_sandbox) and here.available(), **asked,
        )
    diagnosis = run.run(wanted, say=lambda line: click.echo(f"replypath: {clean(line)}", err=True))
    sys.stdout.flush()
    sys.exit(EXIT[diagnosis.verdict.value])


def _rules(folder: str | None) -> tuple[Rule, ...] | None:
    """Our rules, with the user's own behind them."""
    if folder is None:
        return None
    from pathlib import Path  # noqa: PLC0415

    from analyzer.diagnose.ruledoc import read_folder, rulebook  # noqa: PLC0415

    return (*rulebook(), *read_folder(Path(folder)))
