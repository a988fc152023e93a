"""``replypath report``: a saved diagnosis, written again in other forms."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from analyzer.clean import clean
from analyzer.cli import anonymous as pseudonyms
from analyzer.cli.confined import confined
from analyzer.errors import CaptureUnreadable


def _captures(given: dict[str, Any]) -> list[str]:
    """The annotated capture is made of files that only the result names: then anything may be read."""
    return ["/"] if any(output.lower().endswith(".pcapng") for output in given["outputs"]) else []


@click.command(short_help="Write a report again from a saved result.")
@click.argument("result", metavar="RESULT.json")
@click.option("-o", "--output", "outputs", multiple=True, metavar="FILE",
              help="Write by suffix (.html .md .sarif ...; .pcapng reads the captures again); repeatable.")
@pseudonyms.options
@click.option("--force", is_flag=True, help="Replace a file that exists.")
@confined(reads=("result", "key_file", _captures), writes=("outputs",))
def report(result: str, outputs: tuple[str, ...], *, anonymous: bool, key_file: str | None, force: bool) -> None:
    """Write a report again from a saved result, without the captures.

    \b
    Examples:
      replypath report result.json -o report.html -o ticket.md
      replypath report result.json --anonymize -o for-the-vendor.html
    """
    from analyzer import export  # noqa: PLC0415 - not for --version
    from analyzer.report.document import from_json  # noqa: PLC0415
    from analyzer.report.formats import terminal  # noqa: PLC0415

    secret = pseudonyms.key(key_file) if anonymous or key_file else None
    for output in outputs:
        export.check(output, force=force, saved=True)
    try:
        text = sys.stdin.read() if result == "-" else Path(result).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaptureUnreadable(f"{result}: cannot be read as a result of replypath: {error}") from error
    diagnosis = from_json(text)
    shown = pseudonyms.replaced(diagnosis, secret)
    if not outputs:
        terminal.write(shown, sys.stdout)
    for output in outputs:
        for remark in export.write(diagnosis, output, force=force, under=export.hidden(shown, secret)):
            click.echo(f"replypath: {clean(output)}: {remark}", err=True)
        click.echo(f"replypath: report written to {clean(output)}", err=True)
