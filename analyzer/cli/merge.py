"""``replypath merge``: folders of flow tables, made apart, as one."""

from __future__ import annotations

import click

from analyzer.clean import clean
from analyzer.cli.confined import confined


@click.command(short_help="Put tables of several capture points side by side.")
@click.argument("folders", nargs=-1, required=True, metavar="DIR...")
@click.option("-o", "--output", required=True, metavar="DIR", help="The folder to write.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@confined(reads=("folders",), writes=("output",))
def merge(folders: tuple[str, ...], output: str, *, force: bool) -> None:
    """Put flow tables (replypath flows -o DIR) of several capture points side by side.

    \b
    Example:
      replypath flows client=c.pcap -o c/       on one machine
      replypath flows server=s.pcap -o s/       on another
      replypath merge c/ s/ -o both/
      replypath analyze both/
    """
    from analyzer import tabular  # noqa: PLC0415 - NumPy and DuckDB are not loaded for --version
    from analyzer.errors import OutputError  # noqa: PLC0415
    from analyzer.scale import dataset  # noqa: PLC0415
    from analyzer.scale.folder import read_folders  # noqa: PLC0415

    if output.lower().endswith(tabular.ENDINGS):
        raise OutputError(f"{output}: is one file; flow tables that can be analyzed are a folder")
    dataset.check(output, force=force)
    files = dataset.write(read_folders(folders), output, force=force)
    click.echo(f"replypath: {len(files)} files written to {clean(output)}", err=True)
