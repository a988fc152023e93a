r"""The line above an output: a prompt and the command, or a heading that names it.

web1:~# ip -6 route show table all
C:\> route print
===== netstat -rn =====
"""

from __future__ import annotations

import re

_WORDS = (
    r"(?:sudo\s+)?(?:/(?:usr/)?(?:local/)?s?bin/)?"
    r"(?P<command>(?:ip|route|netstat|ifconfig|arp|ndp|sysctl|ipconfig|netsh|nft|"
    r"ip6?tables(?:-nft|-legacy)?(?:-save)?|conntrack|ipvsadm|ss|cat|uname|"
    r"hostname|hostnamectl|date|ping|traceroute|tracert|tcpdump|ls|sh|show|do show|powershell|exit|lsmod|nmcli|"
    r"resolvectl|systemctl|ethtool|bridge|ps|dmesg|whoami|uptime)(?:\.exe)?(?=\s|$).*"
    r"|Get-Net\w+.*|/(?:ip|ipv6|interface|system|routing)(?=[\s/]|$).*)"
)
_PROMPT = re.compile(
    r"(?:[^\s$#>]{0,64}(?:\s[^\s$#>]{1,64}){0,2}[$#>%]+|PS [^>]{0,200}>+|[A-Za-z]:\\[^>]{0,200}>"
    r"|\[[^\]]{1,100}\]\s?[^$#>]{0,100}[$#>%]|\+{1,3})\s*" + _WORDS, re.IGNORECASE)
_HEADING = re.compile(r"[=*#~+_>|\[<`-][\s=*#~+_>|\[<`-]{0,80}" + _WORDS, re.IGNORECASE)
_BARE = re.compile(
    r"(?P<command>(?:ip\s+(?:-\S+\s+)*(?:a|addr|address|l|link|r|ro|route|ru|rule|n|neigh|neighbor|neighbour)\b[-\w\s./:]*"
    r"|route\s+(?:-\w+|print)[-\w\s]*|netstat\s+-\w+[-\w\s]*|ifconfig(?:\s+-?\w+)?|arp\s+-\w+|sysctl\s+-\w+[-\w\s.]*"
    r"|nft\s+(?:-\w+\s+)*list\s[-\w\s]*|ip6?tables(?:-nft|-legacy)?(?:-save(?:\s+-[-\w\s]+)?|\s+-(?:S|t)\b[-\w\s]*)"
    r"|conntrack\s+-[-\w\s./]*|cat\s+/proc/net/(?:nf|ip)_conntrack"
    r"|ipconfig(?:\s+/\w+)?|Get-Net\w+[^:]*|show ip(?:v6)? [-\w\s]+|/ip(?:v6)? [-\w\s]+))\s*:?\s*", re.IGNORECASE)


def command_of(line: str) -> list[str]:
    """The words of the command that this line shows, lower case and without ``sudo``; none where it shows none."""
    line = line.rstrip()
    if len(line) > 400 or not line.strip():
        return []
    found = _PROMPT.fullmatch(line) or _BARE.fullmatch(line) or _HEADING.fullmatch(line)
    if found is None:
        return []
    return found["command"].rstrip(" =*#~+_>|]<`:-").lower().split()


def asked(text: str) -> list[str]:
    """The command above the output in ``text``, where its first line is one."""
    return command_of(text.partition("\n")[0])
