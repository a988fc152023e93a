"""What we say of each sample today: rewrites this folder (``make reports``); a test compares it.

NAME.txt      the terminal report of all captures of a sample, with its mapping and facts
README.md     the table: sample and capture point to verdict, cause and certainty
lab.md        the same for other people's recorded scenarios, where they are at hand
client-on-servers-link.html / .json    the classic case in full

and ``docs/rules.md``, the index of the rules (``rules.py``).
"""

from __future__ import annotations

import importlib.util
import io
import shutil
import sys
from collections import defaultdict
from pathlib import Path

from analyzer import api
from analyzer.balance.mapping import EMPTY, Mapping
from analyzer.diagnose.finding import Diagnosis
from analyzer.export import with_octets
from analyzer.facts.reading import read_hosts
from analyzer.importers.reading import read_mappings
from analyzer.report.formats import html, json, terminal

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "sample_pcaps"
LAB = ROOT.parent / "shared" / "captures" / "lab"
CLASSIC = "client-on-servers-link"
WIDTH = 100


def sample(case: Path) -> Diagnosis:
    """All that a story gives: captures, mapping, facts."""
    return api.analyze(
        [f"{p.stem}={p.relative_to(ROOT)}" for p in sorted(case.glob("*.pcap*"))],
        mapping=mapping(case),
        hosts=read_hosts([f"{p.name.split('.')[0]}={p.relative_to(ROOT)}" for p in sorted(case.glob("facts/*"))]),
        command=f"replypath analyze {case.relative_to(ROOT)}/*.pcap",
    )


def mapping(case: Path) -> Mapping:
    """The story's mapping file, if it has one."""
    files = [p.relative_to(ROOT) for p in sorted(case.glob("balancer.yaml"))]
    return read_mappings(files) if files else EMPTY


def line(label: str, diagnosis: Diagnosis) -> str:
    """One row of the table."""
    found = "; ".join(f"{f.cause} ({f.rule}, {f.certainty})" for f in diagnosis.findings) or "-"
    return f"| {label} | {diagnosis.verdict} | {found} | {len(diagnosis.cannot_tell)} |"


def rows(case: Path, captures: list[Path], given: Mapping) -> list[str]:
    """All together with and without the mapping, then each capture alone."""
    names = [f"{p.stem.rsplit('.')[-1]}={p}" for p in captures]
    found = [line(f"**{case.name}**, all, with mapping", api.analyze(names, mapping=given))] if given.services else []
    found.append(line(f"**{case.name}**, all", api.analyze(names)))
    return found + [line(f"{case.name}, {n.partition('=')[0]}", api.analyze([n])) for n in names]


HEAD = ["| captures | verdict | causes | open questions |", "|---|---|---|---|"]


def main(folder: Path) -> None:
    """Write every file of the folder again."""
    table = ["# What we say of each sample", "", *HEAD]
    for case in sorted(p.parent for p in SAMPLES.glob("*/expected.toml")):
        diagnosis = sample(case)
        text = io.StringIO()
        terminal.write(diagnosis, text, width=WIDTH)
        (folder / f"{case.name}.txt").write_text(text.getvalue(), encoding="utf-8")
        table += rows(case, sorted(case.glob("*.pcap*")), mapping(case))
        if case.name == CLASSIC:
            diagnosis = with_octets(diagnosis)
            for module, suffix in ((html, ".html"), (json, ".json")):
                page = io.StringIO()
                module.write(diagnosis, page)
                (folder / f"{CLASSIC}{suffix}").write_text(page.getvalue(), encoding="utf-8")
    (folder / "README.md").write_text("\n".join(table) + "\n", encoding="utf-8")
    (ROOT / "docs" / "rules.md").write_text(rule_index(), encoding="utf-8")
    if LAB.is_dir():
        scenarios = defaultdict(list)
        for path in sorted(LAB.glob("*.pcap")):
            scenarios[path.name.split(".")[0]].append(path)
        lab = ["# What we say of the recorded scenarios, without a mapping", "", *HEAD]
        for name, paths in scenarios.items():
            lab += rows(Path(name), paths, EMPTY)
        (folder / "lab.md").write_text("\n".join(lab) + "\n", encoding="utf-8")


def rule_index() -> str:
    """``docs/rules.md``, by the file beside this one (no package: it is found by its place)."""
    spec = importlib.util.spec_from_file_location("reports_rules", Path(__file__).with_name("rules.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.document()


SHOTS = {
    "report": ({"viewport": {"width": 1100, "height": 1480}}, "screen"),
    "report-dark": ({"viewport": {"width": 1100, "height": 1480}, "color_scheme": "dark"}, "screen"),
    "report-phone": ({"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}, "screen"),
    "report-print": ({"viewport": {"width": 794, "height": 1123}}, "print"),
}
"""The top of the page on a desk, at night, on a phone and on a sheet of A4: file name to (browser context, medium)."""

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-quic")


def pictures(page: Path, folder: Path) -> None:
    """Screenshots of a page, where Chromium and playwright are installed."""
    chromium = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - a tool of ours, not of the package
    except ImportError:
        chromium = None
    if chromium is None:
        print("no Chromium or no playwright here: the screenshots in docs/ stay as they are", file=sys.stderr)
        return
    with sync_playwright() as engine:
        browser = engine.chromium.launch(executable_path=chromium, args=list(ARGUMENTS))
        for name, (options, medium) in SHOTS.items():
            visit = browser.new_page(**options)
            visit.goto(page.resolve().as_uri())
            if medium == "print":
                visit.evaluate("dispatchEvent(new Event('beforeprint'))")
                visit.emulate_media(media="print")
                visit.evaluate("document.body.style.padding = '15mm'")      # the margin that a printer adds
            visit.screenshot(path=folder / f"{name}.png")
            visit.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
    pictures(ROOT / "reports" / f"{CLASSIC}.html", ROOT / "docs")
