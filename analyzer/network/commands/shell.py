"""The little shell that our own commands need: look-ups of an interface, values kept in a file, here-documents.

    test -s /run/x || sysctl net.ipv4.conf.all.accept_redirects > /run/x
    ip route add 10.0.2.9/32 dev "$(ip -o addr show to 10.0.2.11 | cut -d' ' -f2 | sort -u)"
    ip link | grep -qi 02:00:0a:00:02:0c || { echo 'not removed: ...' >&2; false; } && ip addr del $(cat /run/y)

Anything else that a shell would do with ``|``, ``>`` or ``$( )`` is refused.
"""

from __future__ import annotations

import re
import shlex
from ipaddress import ip_address

from analyzer.network.commands import sysctl
from analyzer.network.commands.words import DONE, Answer, Words
from analyzer.network.stack import Stack

HERE = re.compile(r"<<-?\s*(['\"]?)(\w+)\1")
HOLDER = re.compile(r"\"?\$\(ip -o addr show to ([0-9a-fA-F:.]+) \| cut [^)]*\)\"?")
KEPT = re.compile(r"\"?\$\(cat (\S+)\)\"?")
KEEP = re.compile(r"test -s (?P<file>\S+) \|\| (?P<asks>.+) > (?P=file)\s*\Z")
WHERE = re.compile(r"ip -o addr show to (\S+) \| awk '\{print \$4, \"dev\", \$2\}'\Z")

OWN_MAC = re.compile(r"ip link \| grep -qi ([0-9a-f:]{17}) \|\| \{ echo '([^']*)' >&2; false; \}\Z")

NOT_ONE_COMMAND = Answer(127, error="the model cannot execute this line")


def substituted(stack: Stack, command: str) -> str:
    """``command`` with the interface or the kept text in place of each ``$( )`` that is ours."""
    command = HOLDER.sub(lambda found: shlex.quote(_holder(stack, found[1])), command)
    return KEPT.sub(lambda found: stack.files.get(found[1], ""), command)


def _holder(stack: Stack, text: str) -> str:
    port = stack.port_of(ip_address(text))
    return port.name if port is not None else ""


def kept(stack: Stack, command: str) -> Answer | None:
    """``test -s FILE || COMMAND > FILE``: what was there before is kept once; None where it is no such line."""
    found = KEEP.match(command.strip())
    if found is None:
        return None
    if found["file"] in stack.files:
        return DONE
    asks = found["asks"]
    where = WHERE.match(asks)
    if where is not None:
        address = ip_address(where[1])
        lines = [f"{own.interface} dev {port.name}" for port, own in stack.local_addresses(address.version)
                 if own.ip == address]
        answer = Answer(0 if lines else 1, "\n".join(lines))
    elif asks.startswith("sysctl ") and not set(asks) & set("|><"):
        answer = sysctl.run(stack, Words(shlex.split(asks)[1:]))
    else:
        return NOT_ONE_COMMAND
    stack.files[found["file"]] = answer.output
    return Answer(answer.status, error=answer.error)


def guarded(stack: Stack, command: str) -> Answer | None:
    """``ip link | grep -qi MAC || { ... }``: whether this is the host; None where it is no such line."""
    asked = OWN_MAC.match(command.strip())
    if asked is None:
        return None
    here = any(port.mac == asked[1] for port in stack.ports.values())
    return DONE if here else Answer(1, error=asked[2])


def restored(stack: Stack, words: list[str]) -> Answer | None:
    """``sysctl -p FILE`` and ``rm FILE`` for a file that was kept; None where it is neither."""
    if words[:2] == ["sysctl", "-p"] and len(words) == 3 and words[2] in stack.files:
        pairs = [line.replace(" = ", "=") for line in stack.files[words[2]].splitlines()]
        return sysctl.run(stack, Words(["-w", *pairs]))
    if words[0] == "rm" and words[-1] in stack.files:
        del stack.files[words[-1]]
        return DONE
    return None


def split(line: str, separator: str) -> list[str]:
    """``line`` cut at ``separator`` outside of quotes, braces and substitutions."""
    parts, begin, depth, quote = [], 0, 0, ""
    for index, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "{(":
            depth += 1
        elif letter in "})":
            depth -= 1
        elif depth == 0 and line.startswith(separator, index) and index >= begin:
            parts.append(line[begin:index])
            begin = index + len(separator)
    return [*parts, line[begin:]]
