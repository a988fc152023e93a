"""Captures to an inferred network: the pipeline's lower half, for tests."""

from ipaddress import ip_address
from pathlib import Path

from analyzer import proving
from analyzer.balance.mapping import EMPTY, Endpoint, Forwarding, Mapping, Protocol, RealServer, VirtualService
from analyzer.diagnose.evidence import Evidence
from analyzer.importers.reading import read_mappings
from analyzer.network.infer import infer
from analyzer.reading import read_captures
from analyzer.units import Origin

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "sample_pcaps"
LAB = ROOT.parent / "shared" / "captures" / "lab"


def inferred(files, mapping=EMPTY, hosts=(), **more):
    """The network that the captures show."""
    seen = read_captures([f"{file.stem.rpartition('.')[2]}={file}" for file in sorted(files)], mapping).observed
    return infer(seen.flows, seen.claims, seen.icmp, seen.book, mapping, hosts, **more)


def judged(files, mapping=EMPTY, hosts=None):
    """The same as the commands infer it: with what the packets taught of services and of connections that broke."""
    read = read_captures([f"{file.stem.rpartition('.')[2]}={file}" for file in sorted(files)], mapping)
    read.observed.hosts = tuple((hosts or {}).values())
    evidence = Evidence(read.observed)
    try:
        return proving.inferred(read, evidence, mapping, hosts or {})
    finally:
        evidence.close()


def sample(name, *points, **more):
    """One of the recorded stories; ``points`` limits it to some capture points."""
    folder = SAMPLES / name
    files = [file for file in folder.glob("*.pcap*") if not points or file.name.split(".")[0] in points]
    return inferred(files, read_mappings([folder / "balancer.yaml"]), **more)


def lab(scenario):
    """One scenario of the lab, with the mapping that its README gives."""
    return inferred(LAB.glob(f"{scenario}.*.pcap"), lab_mapping(scenario))


def lab_mapping(scenario):
    six = "_v6" in scenario
    virtual = ("2001:db8:22::100" if six else "192.168.11.100" if scenario == "U_onearm" else "203.0.113.100",
               5300 if scenario == "X_udp" else 80)
    real = ("2001:db8:11::10" if six else "192.168.11.10", {"X_udp": 5353, "T2_v6_redirect": 8086}.get(scenario, 8080))
    forwarding = Forwarding.DIRECT if scenario == "N_dsr" else Forwarding.NAT
    own = ["2001:db8:11::1"] if six else ["192.168.11.1", "203.0.113.1"]
    origin = Origin("lab")
    return Mapping((VirtualService(
        end(*virtual), Protocol.UDP if scenario == "X_udp" else Protocol.TCP,
        (RealServer(end(*real), forwarding, origin),), origin),), tuple(map(ip_address, own)))


def end(address, port):
    return Endpoint(ip_address(address), port)
