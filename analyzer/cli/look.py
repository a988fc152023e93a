"""``replypath map``, ``rules``, ``explain``: look without analyzing."""

from __future__ import annotations

import click

from analyzer.clean import clean
from analyzer.cli import inputs
from analyzer.cli.confined import confined
from analyzer.errors import RuleError


@click.command(name="map", short_help="Show what is understood of a balancer's configuration.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print it as our own mapping file.")
@confined(reads=("files",))
def map_(files: tuple[str, ...], *, as_yaml: bool) -> None:
    """Show what is understood of a balancer's configuration, service by service, with file and line.

    \b
    Examples:
      replypath map haproxy.cfg
      replypath map bigip.conf --yaml > services.yaml
    """
    from analyzer.importers.replypath import to_yaml  # noqa: PLC0415 - not for --version

    mapping = inputs.mapping(files)
    for warning in mapping.warnings:
        click.echo(f"replypath: {clean(str(warning))}", err=True)
    if as_yaml:
        click.echo(to_yaml(mapping), nl=False)
        return
    for service in mapping.services:
        name = f"  {clean(service.name)}" if service.name else ""
        click.echo(f"{service.virtual}/{service.protocol}{name}  ({clean(str(service.origin))})")
        for real in service.reals:
            state = "" if real.enabled else ", disabled"
            click.echo(f"    -> {real.endpoint}  {real.forwarding}{state}  ({clean(str(real.origin))})")
    if mapping.balancers:
        click.echo(f"the balancer's own addresses: {', '.join(str(a) for a in mapping.balancers)}")
    if not mapping.services:
        click.echo("no virtual service in these files")


@click.command()
def rules() -> None:
    """List the faults that replypath tells apart.

    \b
    Example:
      replypath rules
    """
    from analyzer.diagnose.ruledoc import rulebook  # noqa: PLC0415 - not for --version

    for rule in rulebook():
        click.echo(f"{rule.code}  {rule.severity.value:8}{rule.cause.value:30}{rule.name}")


@click.command(short_help="Explain one rule, and what shows it.")
@click.argument("code")
def explain(code: str) -> None:
    """Explain one rule: what it says, why it breaks, what shows it, and what does not.

    \b
    Example:
      replypath explain RP101
    """
    from analyzer.diagnose.ruledoc import rulebook  # noqa: PLC0415 - not for --version

    wanted = code.upper()
    for rule in rulebook():
        if wanted in (rule.code, rule.name.upper(), rule.cause.value.upper()):
            click.echo(rule.text.split("+++\n", 2)[2].strip())
            return
    known = ", ".join(rule.code for rule in rulebook())
    raise RuleError(f"no rule is called {clean(code)!r}; expected one of {known}")
