"""``replypath flows``: what the captures hold, as tables for other programs."""

from __future__ import annotations

import click

from analyzer.clean import clean
from analyzer.cli import anonymous as pseudonyms
from analyzer.cli import work as working
from analyzer.cli.confined import confined


@click.command(short_help="Write flows, ARP/ND claims and ICMP events as tables.")
@click.argument("captures", nargs=-1, metavar="CAPTURE...")
@click.option("-o", "--output", metavar="DIR|FILE",
              help="A folder gets every table as Parquet, in parts by capture point, with schema.json; FILE.parquet or "
                   "FILE.csv the flows alone.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--columns", is_flag=True, help="Print what every column means, as Markdown, and stop.")
@pseudonyms.options
@confined(reads=("captures", "key_file"), writes=("output", "state"), unless=("cluster",))
@working.options
def flows(
    captures: tuple[str, ...], output: str | None, *, work: working.Work, force: bool, columns: bool, anonymous: bool,
    key_file: str | None,
) -> None:
    """Write the flows, ARP/ND claims and ICMP events of captures as Parquet or CSV.

    A folder can be given to replypath analyze in place of the captures, and
    several be put together by replypath merge.

    \b
    Examples:
      replypath flows client=a.pcap server=b.pcap -o tables/
      replypath flows trace.pcapng -o flows.csv
    """
    from analyzer import tabular  # noqa: PLC0415 - NumPy and DuckDB are not loaded for --version
    from analyzer.scale import dataset  # noqa: PLC0415

    if columns:
        for line in tabular.columns_document():
            click.echo(line)
        return
    if not captures:
        raise click.UsageError("Missing argument 'CAPTURE...': name at least one capture, or - for standard input")
    if output is None:
        raise click.UsageError("Missing option '-o': name a folder, FILE.parquet or FILE.csv")
    from analyzer.balance.mapping import EMPTY  # noqa: PLC0415

    secret = pseudonyms.key(key_file) if anonymous or key_file else None
    single = output.lower().endswith(tabular.ENDINGS)
    (tabular if single else dataset).check(output, force=force)
    read = working.read(captures, EMPTY, work, quiet=False)
    if secret is not None:
        from analyzer import export  # noqa: PLC0415 - only where it is asked for

        read = export.hide_tables(read, secret)
    for capture in read.captures:
        for warning in capture.warnings:
            click.echo(f"replypath: {clean(warning)}", err=True)
    if single:
        tabular.write_flows(read, output, force=force)
        click.echo(f"replypath: written to {clean(output)}", err=True)
    else:
        files = dataset.write(read, output, force=force)
        click.echo(f"replypath: {len(files)} files written to {clean(output)}", err=True)
