"""Files that a Linux command writes: whole or not at all, never under a name or with a content that is half known.

A look-up that finds nothing, or two things, must not become a path ("route-"),
nor a line of a file that the next start reads.  So where a file needs one, the
look-up is made first, into a variable of the same command, and the command is
refused, with a sentence, unless there is exactly one answer.
"""

from __future__ import annotations

import re

from analyzer.network.host import IPAddress

LOOKED_UP = re.compile(r"\"?\$\(ip -o addr show to (\S+) \| cut -d' ' -f2 \| sort -u\)\"?")
"""How ``_linux.holder`` asks for the interface that holds an address."""

NETWORK_FILE = r"s|^ *Network File: .*/\([^/]*[.]network\)$|\1|p"
"""sed(1): the name of the .network file; "n/a" is none (seen while a link is still being configured)."""


LINE_OUT = "\\|^{}$|d"
"""sed(1): delete the lines that are exactly this."""


def found(address: IPAddress | str) -> str:
    """``$dev`` is the one interface that holds ``address``; false where none does, or several do."""
    return f"dev=$(ip -o addr show to {address} | cut -d' ' -f2 | sort -u); [ \"$(echo \"$dev\" | wc -w)\" = 1 ]"


def refused(why: str) -> str:
    """What follows a chain of ``&&``: the sentence, and a failure."""
    return f"|| {{ echo 'refused: {why}' >&2; false; }}"


def written(path: str, body: str, *, mode: str = "644", look_up: bool = True) -> tuple[str, ...]:
    """Commands that write ``body`` to ``path``; a look-up in the body is made now unless it is the file's own."""
    asked = LOOKED_UP.search(body) if look_up else None
    folder = path.rpartition("/")[0]
    if asked is None:
        return (f"mkdir -p {folder}", f"cat > {path} <<'END'\n{body}\nEND", f"chmod {mode} {path}")
    address = asked[1]
    write = f"mkdir -p {folder} && cat > {path} <<END && chmod {mode} {path}"
    end = f"{refused(f'not exactly one interface has {address}')}\n{LOOKED_UP.sub('$dev', body)}\nEND"
    return (f"{found(address)} && {write} {end}",)


def added(path: str, lines: tuple[str, ...]) -> str:
    """One command that adds each line to the file unless it holds it already; path and lines may hold a look-up."""
    guard, there, said = _words(path, lines)
    each = "; ".join(f"grep -qsxF {line} {there} || echo {line} >> {there}" for line in said)
    return f"{guard[0]}{{ {each}; }}{guard[1]}"


def taken_out(path: str, lines: tuple[str, ...]) -> str:
    """One command that takes these lines out of the file, and the file away where nothing is left of it."""
    guard, there, said = _words(path, tuple(LINE_OUT.format(line) for line in lines))
    script = " ".join(f"-e {line}" for line in said)
    return f"{guard[0]}sed -i {script} {there} && {{ [ -s {there} ] || rm {there}; }}{guard[1]}"


def _words(path: str, lines: tuple[str, ...]) -> tuple[tuple[str, str], str, list[str]]:
    """What must come before and behind, and path and lines as words of the shell."""
    asked = LOOKED_UP.search("".join((path, *lines)))
    if asked is None:
        return ("", ""), path, [f"'{line}'" for line in lines]
    guard = f"{found(asked[1])} && ", f" {refused(f'not exactly one interface has {asked[1]}')}"
    path, *lines_said = (LOOKED_UP.sub("$dev", text) for text in (path, *lines))
    return guard, f'"{path}"', [f'"{line}"' for line in lines_said]


def drop_in(device: str, name: str, body: str) -> str:
    """One command that writes a drop-in beside the .network file that configures ``device`` (one word)."""
    path = f'"/etc/systemd/network/$net.d/{name}"'
    asked = f"net=$(networkctl status {device} | sed -n '{NETWORK_FILE}'); [ -n \"$net\" ]"
    write = f"mkdir -p \"/etc/systemd/network/$net.d\" && cat > {path} <<'END' && chmod 644 {path}"
    return f"{asked} && {write} {refused('no .network file configures this interface, or not yet')}\n{body}\nEND"
