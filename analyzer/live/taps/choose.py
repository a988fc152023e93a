"""Which program captures: dumpcap, else tcpdump, else a packet socket of our own; each fallback is said."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from analyzer.errors import ToolError
from analyzer.live.taps import rights
from analyzer.live.taps.child import Child, dumpcap, tcpdump
from analyzer.live.taps.packet_socket import PacketSocket
from analyzer.live.taps.tap import Tap


def taps_for(asked: Sequence[str], bpf: str, snap: int) -> tuple[list[Tap], list[str]]:
    """Running taps for ``[NAME=]IFACE`` each, and what is to be said of how; ``ToolError`` where nobody may capture."""
    points = [_named(each) for each in asked]
    interfaces = [interface for interface, _named_by_user in points]
    missing = [name for name in interfaces if not known(name)]
    if missing:
        raise ToolError(f"{missing[0]}: no interface has this name; here are {', '.join(all_interfaces())}")
    called = [(named or interface, named) for interface, named in points]
    reasons = [rights.why_not("dumpcap")]
    path = rights.program("dumpcap")
    if not reasons[0] and path:
        return [Child(dumpcap(path, interfaces, bpf, snap), called, ", ".join(interfaces))], []
    reasons.append(rights.why_not("tcpdump"))
    path = rights.program("tcpdump")
    if not reasons[1] and path:
        taps: list[Tap] = [Child(tcpdump(path, interface, bpf, snap), [call], interface)
                           for interface, call in zip(interfaces, called, strict=True)]
        return taps, [f"captured by tcpdump, because {reasons[0]}"]
    if rights.process_may():
        if bpf:
            raise ToolError(f"--filter needs dumpcap or tcpdump: {'; '.join(reasons)}")
        remarks = [f"captured by a packet socket of this process, because {' and '.join(reasons)}"]
        return [PacketSocket(interfaces, called, snap)], remarks
    raise ToolError(f"nobody may capture here: {'; '.join(reasons)}; the analysis itself needs no rights")


def _named(argument: str) -> tuple[str, str]:
    """``NAME=IFACE`` as (interface, name); an interface whose own name has the sign wins."""
    name, separator, interface = argument.partition("=")
    return (interface, name) if separator and name and not known(argument) else (argument, "")


def all_interfaces() -> list[str]:
    """The interfaces of this host."""
    try:
        return sorted(name for _number, name in socket.if_nameindex())
    except (OSError, AttributeError):
        return []


def known(name: str) -> bool:
    """Whether an interface has this name; ``any`` is libpcap's word for all."""
    return name in {"any", *all_interfaces()} or not all_interfaces()
