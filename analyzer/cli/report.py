"""``replypath report``: a saved diagnosis, written again in other forms."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from analyzer.cli import printable
from analyzer.errors import CaptureUnreadable


@click.command()
@click.argument("result", metavar="RESULT.json")
@click.option("-o", "--output", "outputs", multiple=True, metavar="FILE",
              help="Write by suffix (.html .md .sarif ...); repeatable.")
@click.option("--force", is_flag=True, help="Replace a file that exists.")
def report(result: str, outputs: tuple[str, ...], *, force: bool) -> None:
    r"""Write a report again from a saved result, without the captures.

    \b
    Example:
      replypath report result.json -o report.html -o ticket.md
    """
    from analyzer.report.document import from_json  # noqa: PLC0415 - not for --version
    from analyzer.report.formats import terminal  # noqa: PLC0415
    from analyzer.report.output import write_report  # noqa: PLC0415

    try:
        text = sys.stdin.read() if result == "-" else Path(result).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaptureUnreadable(f"{result}: cannot be read as a result of replypath: {error}") from error
    diagnosis = from_json(text)
    if not outputs:
        terminal.write(diagnosis, sys.stdout)
    for output in outputs:
        write_report(diagnosis, output, force=force)
        click.echo(f"replypath: report written to {printable(output)}", err=True)
