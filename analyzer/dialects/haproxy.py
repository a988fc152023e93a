"""HAProxy in transparent mode: ``source ... usesrc clientip`` is what makes the server see the client.

A full proxy answers for itself; only with ``usesrc`` (configuration manual,
"source") must the server's reply come back through it.  Commenting it out
ends that for every backend that has it.  The check by ``haproxy -c`` is run in
our tests, the reload is not.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat
from analyzer.remedy.situation import Situation

NAME = "haproxy"
TITLE = "HAProxy"
SYSTEM = System.UNKNOWN
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (HairpinSnat,)
EXECUTED = False

FILE = "/etc/haproxy/haproxy.cfg"
BACKUP = f"{FILE}.before-replypath"


def speaks(change: Change) -> bool:
    """Translation for every client: the only way there is here."""
    return _plain.everyone(change)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Keep a copy (once), comment the lines out, check, reload; said twice it is the same."""
    del alternative, situation
    return (f"test -e {BACKUP} || cp -p {FILE} {BACKUP}", f"sed -i '/^[^#]*usesrc/ s/^/#/' {FILE}",
            f"haproxy -c -f {FILE} && systemctl reload haproxy")


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The copy comes back."""
    del alternative, situation
    return (f"mv {BACKUP} {FILE}", f"haproxy -c -f {FILE} && systemctl reload haproxy")


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Where the client's address is passed on today."""
    del alternative, situation
    return (f"grep -n usesrc {FILE}", "# must print the lines to change; none: HAProxy is not transparent here",
            "# option forwardfor or send-proxy tells the servers the client's address in another way")


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """That none is left."""
    del alternative
    return (f"grep -c '^[^#]*usesrc' {FILE}", "# must contain: 0", *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """It is in the file already."""
    del alternative, situation
    return ()


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """A reload is not a way to lock oneself out."""
    del undo
    return None
