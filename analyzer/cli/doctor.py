"""``replypath doctor``: what is installed here, and what that enables."""

from __future__ import annotations

import os
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
        path = _found(tool)
        click.echo(f"{tool:10} {_version(path) if path else f'not found; it would add: {adds}'}")
    click.echo(f"sandbox    {_sandbox()}")
    click.echo(f"dialects   {', '.join(available())}")
    click.echo(f"importers  {', '.join(importers())}")
    click.echo(f"reports    {', '.join(formats())}")


def _sandbox() -> str:
    """What keeps the process in that reads captures."""
    from analyzer.cli.confined import OFF, SWITCH  # noqa: PLC0415
    from analyzer.confine import child, landlock, limits  # noqa: PLC0415

    if not child.available():
        return "none: this system has no way to confine a child that we know of; limits on what a file may claim hold"
    bounds, abi = limits.spending(), landlock.version()
    walls = f"Landlock {abi}: only the inputs are read, only the outputs' folders written" if abi else (
        "no Landlock in this kernel (5.13 and later have it): files stay open to the reading process")
    state = f"switched off by {SWITCH}; it would be: " if os.environ.get(SWITCH, "").lower() in OFF else ""
    return (f"{state}{walls}{', no network' if abi >= landlock.NET_VERSION else ''}; no new privileges; "
            f"{bounds.memory_bytes >> 20} MiB of memory, {bounds.cpu_seconds} s of computing (live: no such limits)")


def _found(tool: str) -> str | None:
    """A tool's absolute path; relative entries of the search path do not count."""
    places = [place for place in os.get_exec_path() if os.path.isabs(place)]   # noqa: PTH117 - a text of the environment
    return shutil.which(tool, path=os.pathsep.join(places)) if places else None


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
