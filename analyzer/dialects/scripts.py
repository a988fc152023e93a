"""A script for each host that must change: ``apply``, ``verify``, ``undo``; safe to run twice, refusing the wrong host.

    write(diagnosis.findings, Path("scripts")) -> the files, one or two for each host

Written are the recommended ways out: as sh for Linux, FreeBSD and macOS, as
PowerShell for Windows - both where nobody knows the server's system, because
each refuses to run on a host that does not have the address.
"""

from __future__ import annotations

import itertools
import os
import shlex
import tempfile
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from pathlib import Path

from analyzer.diagnose.finding import Finding, Fix
from analyzer.dialects import available
from analyzer.errors import OutputError
from analyzer.network.host import System
from analyzer.remedy.checks import MAC

WRONG_USAGE, NOT_ROOT, WRONG_HOST = 2, 4, 3

SHELL = {
    System.LINUX: "ip -o addr show to {} 2>/dev/null | grep -q .",
    System.FREEBSD: "ifconfig | grep -q -F -w {}",
    System.MACOS: "ifconfig | grep -q -F -w {}",
}
"""How a system is asked whether it has an address."""

_SH = r"""#!/bin/sh
# {title}
# For the host that has {on}; {dialect}.  Usage: sh THIS_FILE apply|verify|undo
set -u
applied={marker}

run() {{
    printf '+ %s\n' "$1"
    eval "$1"
}}

# stop: a command was refused; without any before it nothing was changed, and nothing is there to take back
stop() {{
    if [ "$changes" -eq 0 ]; then rm -f "$applied"; fi
    echo "stopped here, after $changes changes; 'undo' takes them back" >&2
}}

# ask COMMAND yes|no TEXT: whether what COMMAND prints holds TEXT - not as part of a longer number or address
ask() {{
    case " $(eval "$1" 2>&1) " in
        *[!0-9A-Za-z.:]"$3"[!0-9A-Za-z.:]*) found=yes ;;
        *) found=no ;;
    esac
    [ "$found" = "$2" ] && return 0
    [ -n "$quiet" ] || printf 'not as it should be: %s\n' "$1"
    wrong=$((wrong + 1))
}}

verify() {{
    wrong=0
{questions}
    [ "$wrong" -eq 0 ]
}}

take_back() {{
{undo}
    rm -f "$applied"
}}

apply() {{
    quiet=yes
    if verify; then echo 'already in place'; return 0; fi
    if [ -e "$applied" ]; then
        echo 'was applied and is lost in part: once more from the beginning'
        take_back 2>/dev/null
    fi
    : > "$applied"
    changes=0
{commands}
    quiet=
    verify && echo 'in place, as verified'
}}

undo() {{
    # what was there before this script came is not its to take back
    if [ ! -e "$applied" ]; then echo 'nothing to take back'; return 0; fi
    take_back
    echo 'taken back'
}}

action=${{1:-}}
case "$action" in
    apply|verify|undo) ;;
    *) echo 'usage: apply | verify | undo' >&2; exit {usage} ;;
esac
if ! {{ {here}; }}; then
    echo {wrong_host} >&2
    exit {wrong_host_status}
fi
if [ "$(id -u)" != 0 ]; then
    echo 'must run as root' >&2
    exit {not_root}
fi
quiet=
"$action"
status=$?
if [ "$action" = verify ] && [ "$status" -eq 0 ]; then echo 'in place'; fi
exit "$status"
"""

_PS1 = r"""# {title}
# For the host that has {on}; {dialect}.  Usage: .\THIS_FILE apply|verify|undo, in an elevated PowerShell
param([Parameter(Mandatory)][ValidateSet('apply', 'verify', 'undo')][string]$Action)
$ErrorActionPreference = 'Stop'
if (-not (Get-NetIPAddress -IPAddress {on} -ErrorAction SilentlyContinue)) {{
    Write-Warning {wrong_host}
    exit {wrong_host_status}
}}

$applied = Join-Path $env:TEMP {marker}

function Test-Change {{
    $wrong = 0
{questions}
    return ($wrong -eq 0)
}}

switch ($Action) {{
    'verify' {{ if (Test-Change) {{ 'in place' }} else {{ 'not in place'; exit 1 }} }}
    'apply' {{
        if (Test-Change) {{ 'already in place' }} else {{
            New-Item -Force $applied | Out-Null
            $changes = 0
            try {{
{commands}
            }} catch {{
                if ($changes -eq 0) {{ Remove-Item $applied }}
                Write-Warning "$_"
                Write-Warning "stopped here, after $changes changes; 'undo' takes them back"
                exit 1
            }}
            if (Test-Change) {{ 'in place, as verified' }} else {{ 'applied, but not as it should be'; exit 1 }}
        }}
    }}
    'undo' {{
        if (Test-Path $applied) {{
            $ErrorActionPreference = 'Continue'
{undo}
            Remove-Item $applied
            'taken back'
        }} else {{ 'nothing to take back' }}
    }}
}}
"""


def write(findings: Iterable[Finding], folder: Path, *, force: bool = False) -> tuple[Path, ...]:
    """Write the scripts for all findings, readable by their owner only.

    ``OutputError`` where the folder cannot be written, or where a script would
    replace one that says something else (unless ``force``), or a symbolic link.
    """
    written = []
    for name, text in scripts(findings).items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            _replace(folder / name, text, force=force)
        except OSError as error:
            raise OutputError(f"{folder / name}: {error.strerror or error}; choose another folder") from error
        written.append(folder / name)
    return tuple(written)


def scripts(findings: Iterable[Finding]) -> Mapping[str, str]:
    """File name -> text: for each recommended way out, the first dialect of each language."""
    texts: dict[str, str] = {}
    for found in findings:
        done = set()
        for fix in found.fixes:
            language = _language(fix)
            if fix.recommended and fix.commands and language and language not in done:
                done.add(language)
                texts.setdefault(_name(fix, language), _sh(fix) if language == "sh" else _ps1(fix))
    return texts


def _language(fix: Fix) -> str:
    """``sh`` or ``ps1``, or nothing where the host takes neither."""
    dialect = available().get(fix.dialect)
    if dialect is None or not (_is_address(fix.on) or MAC.match(fix.on)):
        return ""    # without an address no host can be told from another
    if fix.dialect == "windows-powershell":
        return "ps1"
    return "sh" if dialect.SYSTEM in SHELL else ""


def _name(fix: Fix, language: str) -> str:
    where = "".join(c if c.isalnum() else "-" for c in fix.on)
    return f"replypath-{where}-{fix.kind}.{language}"


def _line(text: str) -> str:
    """One printable line for a comment."""
    return "".join(c if c.isprintable() else " " for c in text)


def _asked(fix: Fix) -> list[tuple[str, bool, str]]:
    """(command, whether the text must be there, text) from the comments below the commands."""
    asked = []
    lines = (*fix.verify, "")
    for command, comment in itertools.pairwise(lines):
        for wanted in (True, False):
            begins = f"# must {'' if wanted else 'not '}contain: "
            if comment.startswith(begins):
                asked.append((command, wanted, comment.removeprefix(begins)))
    return asked


def _sh(fix: Fix) -> str:
    def each(lines: Iterable[str], end: str) -> str:
        return "\n".join(f"    run {shlex.quote(line)}{end}" for line in lines if not line.startswith("#"))

    system = available()[fix.dialect].SYSTEM
    asked = (f"    ask {shlex.quote(q)} {'yes' if w else 'no'} {shlex.quote(t)}" for q, w, t in _asked(fix))
    marker = "/var/run/replypath-applied-" + _name(fix, "").rstrip(".")
    return _SH.format(
        title=_line(fix.title), on=fix.on, dialect=fix.dialect, marker=marker, questions="\n".join(asked),
        undo=each(fix.undo, ""), commands=each(fix.commands, " && changes=$((changes + 1)) || { stop; return 1; }"),
        here=_here(fix.on, SHELL[system]), wrong_host=shlex.quote(f"wrong host: it does not have {fix.on}"),
        usage=WRONG_USAGE, not_root=NOT_ROOT, wrong_host_status=WRONG_HOST,
    )


def _here(on: str, question: str) -> str:
    if _is_address(on):
        return question.format(on)
    # a duplicate's owner is known by its MAC address alone
    return f"ip link 2>/dev/null | grep -qi {on} || ifconfig 2>/dev/null | grep -qi {on}"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def _ps1(fix: Fix) -> str:
    def each(lines: Iterable[str], end: str = "") -> str:
        return "\n".join(f"            {line}{end}" for line in lines if not line.startswith("#"))

    asked = (
        f"    if (({q} | Out-String) {'-notmatch' if w else '-match'} '{_whole(t)}') {{ $wrong++ }}"
        for q, w, t in _asked(fix)
    )
    return _PS1.format(
        title=_line(fix.title), on=fix.on, dialect=fix.dialect, questions="\n".join(asked),
        commands=each(fix.commands, "; $changes++"), undo=each(fix.undo), marker=f"'{_name(fix, 'applied')}'",
        wrong_host=f"'wrong host: it does not have {fix.on}'", wrong_host_status=WRONG_HOST,
    )


def _whole(text: str) -> str:
    """A pattern of PowerShell for the text, not as part of a longer number or address."""
    literal = "".join(c if c.isalnum() or c in ":/ -" else f"[{c}]" for c in text)
    return f"(?<![0-9A-Za-z.:]){literal}(?![0-9A-Za-z.:])"


def _replace(path: Path, text: str, *, force: bool) -> None:
    """All of the file, or what was there before."""
    octets = (text if path.suffix == ".sh" else text.replace("\n", "\r\n")).encode("ascii")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise OutputError(f"{path}: is a symbolic link or no file, and is not written through; choose another folder")
    if path.exists() and not force and path.read_bytes() != octets:
        raise OutputError(f"{path}: is there already and says something else; choose another folder, or --force")
    number, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")   # O_EXCL, 0600
    try:
        with os.fdopen(number, "wb") as out:
            out.write(octets)
            out.flush()
            os.fsync(out.fileno())
        Path(beside).chmod(0o700)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise
