"""The command line: read arguments, call the library, write, choose an exit status.

0  nothing wrong     1  at least one finding of severity error
2  could not analyze 3  nothing can be concluded
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from importlib import import_module
from typing import Any

import click

from analyzer.clean import BLOCK_LIMIT, clean
from analyzer.cli import confined
from analyzer.errors import AnalyzerError
from analyzer.version import VERSION

COULD_NOT = 2
INTERRUPTED = 130
PIPE_CLOSED = 141

COMMANDS = {
    "analyze": "analyzer.cli.analyze",
    "live": "analyzer.cli.live",
    "replay": "analyzer.cli.replay",
    "prove": "analyzer.cli.prove",
    "flows": "analyzer.cli.flows",
    "merge": "analyzer.cli.merge",
    "map": "analyzer.cli.look",
    "rules": "analyzer.cli.look",
    "explain": "analyzer.cli.look",
    "doctor": "analyzer.cli.doctor",
    "report": "analyzer.cli.report",
}
"""Which module holds which command: a command is imported when it is called, so that ``--version`` costs nothing."""


class Commands(click.Group):
    """Imports a command when it is asked for, and says every error of ours in its own words."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        del ctx
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        found = getattr(import_module(module), cmd_name.replace("map", "map_"))
        return found if isinstance(found, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run the command; Ctrl-C or a reader that has gone (``| head``) is no finding, which click's status 1 says."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            signal.signal(signal.SIGINT, signal.SIG_IGN)     # a second one would only make noise
            click.echo("replypath: interrupted", err=True)
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            # be quiet, and keep Python from complaining on its way out
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(PIPE_CLOSED)

    def main(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - click's own signature
        """Run, and end with a status: no traceback unless ``-vv`` asks for it."""
        confined.in_our_own_process = not args and not kwargs   # called by the entry point, not by another program
        if confined.in_our_own_process:
            # NumPy's linear algebra is not used: its threads would cost their start, and memory
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
            gc.set_threshold(50_000)    # modules being loaded are no garbage, and are looked through again and again
        try:
            return super().main(*args, **kwargs)
        except AnalyzerError as error:
            if "-vv" in sys.argv:
                raise
            for line in str(error).splitlines() or [type(error).__name__]:
                click.echo(f"replypath: {clean(line, BLOCK_LIMIT)}", err=True)
            sys.exit(COULD_NOT)
        except Exception as error:  # whatever it is: one sentence for the user, never a traceback
            if "-vv" in sys.argv:
                raise
            click.echo(f"replypath: {_fault(error)}", err=True)
            sys.exit(COULD_NOT)


def _fault(error: Exception) -> str:
    """The sentence for what nobody expected: memory was the limit, or it is a mistake of ours."""
    database = "OutOfMemory" in type(error).__name__   # DuckDB's own
    if database or isinstance(error, MemoryError):
        from analyzer.confine.child import out_of_memory  # noqa: PLC0415 - not for --version

        error.__traceback__ = None   # what its frames hold is let go first
        return out_of_memory(database=database)
    said = f"{type(error).__name__}: {clean(str(error), 200)}"
    return f"a fault of replypath itself ({said}); please report it with the output of the same command and -vv"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="replypath", message="%(prog)s %(version)s")
def main() -> None:
    """Name the host whose reply skips the load balancer, and print the commands that mend it.

    \b
    Example:
      replypath analyze client=client.pcap server=server.pcap --report report.html
    """
