"""``replypath analyze``: captures in, a diagnosis out."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from analyzer.clean import clean
from analyzer.cli import anonymous as pseudonyms
from analyzer.cli import inputs
from analyzer.cli import work as working
from analyzer.cli.confined import confined

if TYPE_CHECKING:
    from analyzer.diagnose.finding import Diagnosis, Finding
    from analyzer.diagnose.ruledoc import Rule
    from analyzer.reading import Read

EXIT = {"healthy": 0, "bypass": 1, "fault": 1, "cannot-tell": 3}


@click.command(short_help="Diagnose captures, and say which host must change.")
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@inputs.options
@click.option("--report", "reports", multiple=True, metavar="FILE",
              help="Also write a report; the suffix chooses the format (.html .json ...; .pcapng: the evidence "
                   "packets with comments; .parquet: the flows).")
@click.option("--force", is_flag=True, help="Let --report and --scripts replace files that exist.")
@click.option("--format", "output", default="terminal", metavar="NAME",
              help="What goes to standard output: terminal, json ...")
@click.option("--rules", "rules_folder", metavar="DIR", help="Rule documents of your own, besides ours.")
@click.option("--os", "systems", multiple=True, metavar="NAME",
              help="Print commands in this dialect first (replypath doctor lists them).")
@click.option("--payload", is_flag=True,
              help="Show what the cited packets carry as well (.html, .json); without it no payload leaves.")
@pseudonyms.options
@click.option("--scripts", "scripts_folder", metavar="DIR",
              help="Write a script for each host that must change: apply, verify, undo.")
@click.option("-q", "--quiet", is_flag=True, help="Nothing on standard error but errors.")
@click.option("-v", "--verbose", count=True, help="Say more; -vv shows tracebacks.")
@confined(reads=("captures", "maps", "hosts", "rules_folder", "key_file"),
          writes=("reports", "scripts_folder", "state"), unless=("cluster",))
@working.options
def analyze(  # noqa: PLR0913 - click: one argument an option
    captures: tuple[str, ...],
    maps: tuple[str, ...],
    hosts: tuple[str, ...],
    reports: tuple[str, ...],
    output: str,
    rules_folder: str | None,
    systems: tuple[str, ...],
    *,
    work: working.Work,
    payload: bool,
    anonymous: bool,
    key_file: str | None,
    scripts_folder: str | None,
    force: bool,
    quiet: bool,
    verbose: int,
) -> None:
    """Diagnose captures: pcap or pcapng, compressed or not, '-' for standard input.

    Several captures are several capture points; NAME=FILE names one, and a name
    that comes again is that point's next file (rotated captures).

    \b
    Examples:
      replypath analyze trace.pcapng
      replypath analyze client=a.pcap server=b.pcap --map haproxy.cfg --report out.html
      replypath analyze server=ring_1.pcap server=ring_2.pcap --report evidence.pcapng
    """
    del verbose
    from analyzer import api  # noqa: PLC0415 - NumPy and DuckDB are not loaded for --version
    from analyzer.report.output import format_named, formats  # noqa: PLC0415

    writer = format_named(output)
    if writer is None:
        raise click.BadParameter(f"{output!r} is none of {', '.join(formats())}", param_hint="--format")
    secret = pseudonyms.key(key_file) if anonymous or key_file else None
    if secret and payload:
        raise click.UsageError("--payload shows what packets carry, which --anonymize cannot replace: choose one")
    _check(reports, force=force)
    mapping, facts, rules = inputs.mapping(maps), inputs.facts(hosts), _rules(rules_folder)
    read = working.read(captures, mapping, work, quiet=quiet)
    read.observed.hosts = tuple(facts.values())
    diagnosis = api.diagnose(
        read, mapping=mapping, hosts=facts, rules=rules, systems=systems or None,
        command=shlex.join(["replypath", *sys.argv[1:]]),
    )
    if diagnosis.findings and (writer.OCTETS or reports):
        diagnosis = _with_octets(diagnosis, reports, wanted=writer.OCTETS, payload=payload)
    shown = pseudonyms.replaced(diagnosis, secret)
    if diagnosis.kernels != "compiled" and not quiet:
        click.echo("replypath: the compiled kernels are not installed: same answers, many times slower "
                   "(install a C compiler and install replypath again)", err=True)
    if getattr(writer, "BINARY", False):
        writer.write(shown, sys.stdout.buffer)
    else:
        writer.write(shown, sys.stdout)
    sys.stdout.flush()
    for report in reports:
        _write_report((diagnosis, shown), read, report, force=force, secret=secret)
        if not quiet:
            click.echo(f"replypath: report written to {clean(report)}", err=True)
    if scripts_folder is not None:
        _write_scripts(shown.findings, Path(scripts_folder), force=force, quiet=quiet)
    sys.exit(EXIT[diagnosis.verdict.value])


def _check(reports: tuple[str, ...], *, force: bool) -> None:
    """What is wrong with an output is said before the work."""
    for report in reports:
        from analyzer import export  # noqa: PLC0415 - for who asks for a report

        export.check(report, force=force)


def _with_octets(diagnosis: Diagnosis, reports: tuple[str, ...], *, wanted: bool, payload: bool) -> Diagnosis:
    """The cited frames' octets, where standard output or a report shows them."""
    from analyzer import export  # noqa: PLC0415 - for who has a finding to show

    if wanted or any(map(export.wants_octets, reports)):
        return export.with_octets(diagnosis, payload=payload)
    return diagnosis


def _write_report(
    diagnosed: tuple[Diagnosis, Diagnosis], read: Read, report: str, *, force: bool, secret: bytes | None,
) -> None:
    """One file by its suffix, from the diagnosis as it is and as it is shown: a report, the evidence, or the flows."""
    from analyzer import export, tabular  # noqa: PLC0415

    if export.is_flows(report):
        tabular.write_flows(export.hide_tables(read, secret), report, force=force)
    else:
        for remark in export.write(diagnosed[0], report, force=force, under=export.hidden(diagnosed[1], secret)):
            click.echo(f"replypath: {clean(report)}: {remark}", err=True)


def _write_scripts(findings: tuple[Finding, ...], folder: Path, *, force: bool, quiet: bool) -> None:
    """One script for each host and shell: apply, verify, undo."""
    from analyzer.dialects.scripts import write  # noqa: PLC0415

    for path in write(findings, folder, force=force):
        if not quiet:
            click.echo(f"replypath: script written to {clean(str(path))}", err=True)


def _rules(folder: str | None) -> tuple[Rule, ...] | None:
    """Our rules, with the user's own behind them."""
    if folder is None:
        return None
    from analyzer.diagnose.ruledoc import read_folder, rulebook  # noqa: PLC0415

    return (*rulebook(), *read_folder(Path(folder)))
