"""Kubernetes: ``externalTrafficPolicy: Cluster`` lets every node translate the source as well.

The service is found by its address in the command itself.  No command here was
run by us on a cluster.
"""

from __future__ import annotations

from analyzer.diagnose.finding import DeadMan
from analyzer.dialects import _plain
from analyzer.network.host import System
from analyzer.remedy.alternative import Alternative
from analyzer.remedy.change import Change, HairpinSnat
from analyzer.remedy.situation import Situation

NAME = "kubernetes"
TITLE = "Kubernetes (kubectl)"
SYSTEM = System.UNKNOWN
AT_BALANCER = True
PERSISTENT = False
LEADS: tuple[type, ...] = (HairpinSnat,)
EXECUTED = False


def speaks(change: Change) -> bool:
    """Translation for every client of a service."""
    return _plain.everyone(change)


def commands(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Change the service that has the virtual address; said twice it is the same."""
    del alternative
    return (_patch(situation, "Cluster"),) if situation.virtual is not None else ()


def undo(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """Back to the node that has the pod."""
    del alternative
    return (_patch(situation, "Local"),) if situation.virtual is not None else ()


def check(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The service and its policy today: it must say Local, or this changes nothing."""
    del alternative
    return (f"kubectl get services -A -o wide | grep -F -w {_address(situation)}", *_shown(situation))


def verify(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """The policy now."""
    del alternative
    return (*_shown(situation), "# must contain: Cluster", *_plain.then_dial("#", situation))


def persist(alternative: Alternative, situation: Situation) -> tuple[str, ...]:
    """It is kept by the cluster; whoever applies manifests must change them as well."""
    del alternative, situation
    return ()


def dead_man(undo: tuple[str, ...]) -> DeadMan | None:
    """Nobody is locked out by it."""
    del undo
    return None


def _address(s: Situation) -> str:
    return str(s.virtual.address) if s.virtual is not None else ""


def _service(s: Situation) -> str:
    """``-n NAMESPACE service/NAME``, looked up by the address that clients dial."""
    rows = "{range .items[*]}{.metadata.namespace} service/{.metadata.name} {.spec.clusterIP} "
    rows += '{.status.loadBalancer.ingress[*].ip}{"\\n"}{end}'
    find = f"kubectl get services -A -o jsonpath='{rows}' | grep -F -w {_address(s)}"
    return f"-n $({find} | cut -d' ' -f1,2)"


def _shown(s: Situation) -> tuple[str, ...]:
    return (f"kubectl get {_service(s)} -o jsonpath='{{.spec.externalTrafficPolicy}}'",)


def _patch(s: Situation, policy: str) -> str:
    wanted = f'{{"spec":{{"externalTrafficPolicy":"{policy}"}}}}'
    return f"kubectl patch {_service(s)} -p '{wanted}'"
