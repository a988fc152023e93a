"""``replypath doctor``: what is installed here, and what that enables."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import import_module

import click

KERNELS = ("analyzer.capture._fast", "analyzer.wire._fast", "analyzer.flow._fast")

TOOLS = (
    ("tshark", "formats that only Wireshark reads; Wireshark's words on single frames"),
    ("dumpcap", "live capture without running the analysis as root"),
    ("tcpdump", "live capture where dumpcap is missing"),
    ("ip", "the kernel bench (--kernel)"),
    ("nft", "the kernel bench (--kernel)"),
)


@click.command()
def doctor() -> None:
    """Say what is installed here, and what each part would add.

    \b
    Example:
      replypath doctor
    """
    from analyzer.dialects import available  # noqa: PLC0415 - not for --version
    from analyzer.importers.reading import importers  # noqa: PLC0415
    from analyzer.report.output import formats  # noqa: PLC0415

    click.echo(f"Python {sys.version.split()[0]}")
    for kernel in KERNELS:
        try:
            import_module(kernel)
            state = "compiled"
        except ImportError:
            state = "plain Python: same answers, many times slower; install a C compiler, then replypath again"
        click.echo(f"{kernel.split('.')[1]:10} {state}")
    for tool, adds in TOOLS:
        path = shutil.which(tool)
        click.echo(f"{tool:10} {_version(path) if path else f'not found; it would add: {adds}'}")
    click.echo(f"dialects   {', '.join(available())}")
    click.echo(f"importers  {', '.join(importers())}")
    click.echo(f"reports    {', '.join(formats())}")


def _version(path: str) -> str:
    """The first line that a tool prints about itself."""
    for option in ("--version", "-V"):
        try:
            done = subprocess.run([path, option], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        lines = (done.stdout or done.stderr).splitlines()
        if done.returncode == 0 and lines:
            return f"{path}: {lines[0].strip()}"
    return path
