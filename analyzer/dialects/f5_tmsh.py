"""F5 BIG-IP, tmsh from its bash: a SNAT object with automap (tmsh reference, ``ltm snat``).

A SNAT object answers for whatever comes from its origins through this BIG-IP,
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
    """Running configuration only; said twice, the second is refused (already exists)."""
    del situation
    objects = _objects(alternative).items()
    return tuple(f"tmsh create ltm snat {name} origins add {{ {prefix} }} automap" for name, prefix in objects)


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Delete the object."""
    del situation
    return tuple(f"tmsh delete ltm snat {name}" for name in reversed(_objects(alternative)))


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The virtual server, whether it translates already, and which address automap would take."""
    del alternative
    virtual = situation.virtual.address if situation.virtual is not None else ""
    return (f"tmsh list ltm virtual one-line | grep -F {virtual}",
            "# source-address-translation says what it does today",
            "tmsh list net self one-line",
            "# automap takes the self address of the servers' VLAN, the floating one first",
            "# the object below translates all that these clients send through this BIG-IP, not this service alone")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The object, and a connection of the client while it dials."""
    asked = [f"tmsh list ltm snat {name}" for name in _objects(alternative)]
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


def _objects(alternative: Alternative) -> dict[str, IPNetwork]:
    """Name and origin of each object: one for each client network, whatever the real server."""
    return {_plain.translation_name(c): c.clients for c in alternative.changes if isinstance(c, HairpinSnat)}
