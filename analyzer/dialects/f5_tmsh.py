"""F5 BIG-IP, tmsh from its bash: automap for a virtual server, or a SNAT object for some of its clients.

For every client of a service whose name is known the virtual server itself is
changed (tmsh reference, ``ltm virtual``, "source-address-translation"); for some
clients there is the SNAT object (``ltm snat``).  It answers for whatever comes from its origins through this BIG-IP,
not for one service alone; a virtual server with a translation of its own is not
touched.  No command here was run by us on a BIG-IP.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import IPNetwork, System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat
from analyzer.remedy.situation import Situation

NAME = "f5-tmsh"
TITLE = "F5 BIG-IP (tmsh)"
SYSTEM = System.UNKNOWN
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = ()
EXECUTED = False


def speaks(change: Change) -> bool:
    """Source translation."""
    return isinstance(change, HairpinSnat)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Running configuration only; said twice, a SNAT object is refused the second time (already exists)."""
    if _virtual(alternative, situation):
        return (_translate(_virtual(alternative, situation), "automap"),)
    objects = _objects(alternative).items()
    return tuple(f"tmsh create ltm snat {name} origins add {{ {prefix} }} automap" for name, prefix in objects)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Delete the object; the virtual server did not translate before, or the fault were another."""
    if _virtual(alternative, situation):
        return (_translate(_virtual(alternative, situation), "none"),)
    return tuple(f"tmsh delete ltm snat {name}" for name in reversed(_objects(alternative)))


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The virtual server, whether it translates already, and which address automap would take."""
    virtual = situation.virtual.address if situation.virtual is not None else ""
    whole = ("# the object below translates all that these clients send through this BIG-IP, not this service alone",)
    return (f"tmsh list ltm virtual one-line | grep -F {virtual}",
            "# source-address-translation says what it does today",
            "tmsh list net self one-line",
            "# automap takes the self address of the servers' VLAN, the floating one first",
            *(() if _virtual(alternative, situation) else whole))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The object, and a connection of the client while it dials."""
    name = _virtual(alternative, situation)
    asked = [f"tmsh list ltm snat {name}" for name in _objects(alternative)]
    asked = [f"tmsh list ltm virtual {name} source-address-translation"] if name else asked
    shown = [line for question in asked for line in (question, "# must contain: automap")]
    client = f"tmsh show sys connection cs-client-addr {situation.clients[0]}"
    return (*shown, client, *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Save, and bring the other node up to date where there is one."""
    del alternative, situation
    return ("tmsh save sys config", "# a pair: tmsh run cm config-sync to-group GROUP")


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Nothing is saved before ``persist``: a restart is the way back."""
    del undo
    return None


def _virtual(alternative: Alternative, s: Situation) -> str:
    """The virtual server's name, where its every client is meant and the configuration told the name."""
    return s.balancer_service if all(map(_plain.everyone, alternative.changes)) else ""


def _translate(virtual: str, kind: str) -> str:
    return f"tmsh modify ltm virtual {virtual} source-address-translation {{ type {kind} }}"


def _objects(alternative: Alternative) -> dict[str, IPNetwork]:
    """Name and origin of each object: one for each client network, whatever the real server."""
    return {_plain.translation_name(c): c.clients for c in alternative.changes if isinstance(c, HairpinSnat)}
