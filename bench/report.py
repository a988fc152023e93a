"""The page: how large it is and how soon it can be used, in Chromium.

    python -m bench.report

Three findings: the three samples whose pages are the longest, in one page.
A hundred thousand connections: the classic sample with so many rows.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from statistics import median

from analyzer import api
from analyzer.diagnose.finding import Connection, Diagnosis
from analyzer.export import with_octets
from analyzer.facts.reading import read_hosts
from analyzer.importers.reading import read_mappings
from analyzer.report.formats import html
from analyzer.units import FrameNo, UnixNs

SAMPLES = Path(__file__).resolve().parents[1] / "sample_pcaps"
LONGEST = ("client-on-servers-link", "default-gateway-elsewhere", "client-on-servers-link-ipv6")
MOST_OCTETS, MOST_CROWDED, MOST_SECONDS = 200_000, 3_000_000, 1.0
RUNS = 5


def sample(name: str) -> Diagnosis:
    folder = SAMPLES / name
    maps = sorted(folder.glob("balancer.yaml"))
    facts = read_hosts([f"{p.name.split('.')[0]}={p}" for p in sorted(folder.glob("facts/*"))])
    captures = [f"{path.stem}={path}" for path in sorted(folder.glob("*.pcap*"))]
    return with_octets(api.analyze(captures, mapping=read_mappings(maps), hosts=facts))


def merged(diagnoses: list[Diagnosis]) -> Diagnosis:
    """Several diagnoses as one, so that a page of several findings is made of real ones."""
    first, *others = diagnoses
    for other in others:
        captures, findings = len(first.captures), len(first.findings)
        first = replace(
            first,
            captures=first.captures + other.captures,
            services=first.services + other.services,
            findings=first.findings + tuple(
                replace(f, evidence=tuple(replace(e, capture=e.capture + captures) for e in f.evidence))
                for f in other.findings),
            connections=first.connections + tuple(
                replace(c, capture=c.capture + captures, finding=None if c.finding is None else c.finding + findings)
                for c in other.connections),
        )
    return first


def crowd(diagnosis: Diagnosis, number: int) -> Diagnosis:
    """So many connections of as many clients, one in seven of them the finding's."""
    like = diagnosis.connections[0]
    rows = tuple(
        Connection(like.protocol, f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}", 1024 + n % 60000, like.dialled,
                   like.dialled_port, like.real, like.real_port, "established" if n % 7 else "bypass",
                   "SF" if n % 7 else "S0", n % len(diagnosis.captures), FrameNo(n + 1),
                   UnixNs(like.first_ns + n * 1_000_000), None if n % 7 else 0)
        for n in range(number)
    )
    return replace(diagnosis, connections=rows,
                   connection_counts={"bypass": -(-number // 7), "established": number - -(-number // 7)})


def page(diagnosis: Diagnosis) -> str:
    out = io.StringIO()
    html.write(diagnosis, out)
    return out.getvalue()


def seconds(path: Path) -> tuple[float, float]:
    """Until a page can be used, and until its table has answered a filter; medians of ``RUNS``."""
    from playwright.sync_api import sync_playwright

    ready, filtered = [], []
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        for _ in range(RUNS):
            visit = browser.new_page()
            visit.goto(path.as_uri())
            ready.append(visit.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") / 1000)
            filtered.append(visit.evaluate("""() => new Promise((done) => {
                const field = document.querySelector('form.controls input'), start = performance.now();
                field.value = '10.0.7';
                field.dispatchEvent(new Event('input', {bubbles: true}));
                requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)));
            })""") / 1000)
            visit.close()
        browser.close()
    return median(ready), median(filtered)


def rows() -> list[tuple[str, str, str, bool]]:
    """What, what is asked, what was measured, whether it is met: rows as RESULTS.md has them."""
    found = [sample(name) for name in LONGEST]
    three, crowded = page(merged(found)), page(crowd(found[0], 100_000))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crowd.html"
        path.write_text(crowded, "utf-8")
        ready, filtered = seconds(path)
    few, many = len(three.encode()), len(crowded.encode())
    return [
        ("page of three findings", f"under {MOST_OCTETS:,} octets", f"{few:,}", few < MOST_OCTETS),
        ("page of 100,000 connections", f"under {MOST_CROWDED:,} octets", f"{many:,}", many < MOST_CROWDED),
        ("the same page can be used", f"in under {MOST_SECONDS:g} s", f"{ready:.2f} s", ready < MOST_SECONDS),
        ("its table answers a filter", f"in under {MOST_SECONDS:g} s", f"{filtered:.2f} s", filtered < MOST_SECONDS),
    ]


if __name__ == "__main__":
    for what, stated, measured, met in rows():
        sys.stdout.write(f"| {what} | {stated} | {measured} | {'yes' if met else '**no**'} |\n")
