"""RESULTS.md: the tables, and each stated measure with what was measured, met or not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bench.measure import Measure
from bench.peers import OURS


class Row(NamedTuple):
    """One program on one capture."""

    name: str
    does: str
    packets: int
    measure: Measure


HELD_BACK = (
    "What holds back the measures that are not met (the stages below have the figures):", "",
    "- *Counters.* capinfos looks at record headers only and follows nothing; softflowd keeps one record for a flow and",
    "  no marks. Here every packet is decoded to 40 columns and followed with sequence numbers, copies and marks.",
    "  Finding the records costs little more than reading the file does; decoding and following is what comes on top.",
    "- *The evidence database.* A third of the time at 200,000 connections, and most of the memory: each attempt is a row",
    "  in each of a dozen tables that are asked once. Settling healthy attempts before they become rows would save it.",
    "- *A small capture* pays for imports (NumPy, DuckDB and a hundred of our own modules) and for the",
    "  planning of some fifty SQL statements, which cost the same for one connection as for a thousand.", "",
    "A second thread finds and decodes while the first one follows: on two processors less time passes than CPU seconds",
    "are spent. One process works at a time here (`--jobs` uses more).",
)
"""Written by hand, looked at whenever the profile changes."""


def page(
    about: dict[str, str],
    tables: dict[str, list[Row]],
    profile: dict[str, float],
    gzip: tuple[float, float],
    version: Measure,
    times: Sequence[tuple[str, float]],
    report: Sequence[tuple[str, str, str, bool]],
) -> str:
    """The whole document."""
    lines = ["# Measured", "", "Made by `make bench`; do not edit.", ""]
    lines += [f"- {name}: {value}" for name, value in about.items()]
    lines += ["", "CPU seconds are user and system, of whole processes run in turn with a warm page cache; medians.",
              "Ratios are CPU time for each packet against ours: above 1 we are faster.", "",
              "## Stated measures", "", "| measure | stated | measured | met |", "|---|---|---|---|"]
    lines += _measures(tables, gzip, version, times)
    lines += [f"| {what} | {stated} | {found} | {'yes' if met else '**no**'} |" for what, stated, found, met in report]
    lines += ["", *HELD_BACK]
    titles = {"balancer": "Both sides of a balancer", "small": "Small packets"}
    for kind, title in titles.items():
        lines += ["", f"## {title}", "", *_table(tables[kind])]
    lines += ["", "## Where our time goes", "", "CPU seconds in one process, on the first capture.", "",
              "| stage | s |", "|---|---|"]
    lines += [f"| {stage} | {seconds:.2f} |" for stage, seconds in profile.items() if not stage.startswith("(")]
    lines += ["", "## How it grows", "", "| capture | packets | CPU s | wall s | peak MB | of it anonymous MB |",
              "|---|---|---|---|---|---|"]
    lines += [f"| {kind} | {row.packets:,} | {row.measure.cpu:.2f} | {row.measure.wall:.2f} | {row.measure.peak:.0f} | "
              f"{row.measure.anonymous:.0f} |" for kind, (row, *_) in tables.items()]
    return "\n".join(lines) + "\n"


def _per_packet(row: Row) -> float:
    return row.measure.cpu / row.packets


def _table(rows: list[Row]) -> list[str]:
    mine = rows[0]
    lines = ["| program | does | packets | CPU s | wall s | us a packet | against ours | peak MB |",
             "|---|---|---|---|---|---|---|---|"]
    for row in rows:
        failed = f" (status {row.measure.status:g})" if row.measure.status and row.name != OURS else ""
        lines.append(
            f"| {row.name}{failed} | {row.does} | {row.packets:,} | {row.measure.cpu:.2f} | {row.measure.wall:.2f} | "
            f"{1e6 * _per_packet(row):.2f} | {_per_packet(row) / _per_packet(mine):.2f} | {row.measure.peak:.0f} |")
    return lines


def _measures(
    tables: dict[str, list[Row]], gzip: tuple[float, float], version: Measure, times: Sequence[tuple[str, float]],
) -> list[str]:
    rows = {row.name: row for row in tables["balancer"]}
    mine = rows[OURS]
    found: list[tuple[str, str, str, bool]] = []
    for name, most in times:
        if name in rows:
            ratio = _per_packet(mine) / _per_packet(rows[name])
            stated = f"at most {most:g} times" if most >= 1 else f"{1 / most:g} times faster"
            measured = f"{ratio:.2f} times" if most >= 1 else f"{1 / ratio:.1f} times faster"
            found.append((f"time against {name}", stated, measured, ratio <= most))
            if most >= 1:
                clock = mine.measure.wall / rows[name].measure.wall
                found.append(("the same by the clock on the wall", stated, f"{clock:.2f} times", clock <= most))
    memory = mine.measure.anonymous
    found.append(("memory beyond the file, 200,000 flows", "under 300 MB", f"{memory:.0f} MB", memory < 300))
    fewer, more = tables["fewer"][0], tables["more"][0]
    growth, longer = more.measure.cpu / fewer.measure.cpu, more.packets / fewer.packets
    found.append((f"time for {longer:.1f} times the packets", f"at most {1.05 * longer:.1f} times", f"{growth:.1f} times",
                  growth <= 1.05 * longer))
    swell = more.measure.anonymous / fewer.measure.anonymous
    found.append(("memory for the same", "at most 1.1 times", f"{swell:.2f} times", swell <= 1.1))
    flood = tables["flood"][0].measure.anonymous
    found.append(("memory, flood of 1,000,000 SYNs", "under 400 MB", f"{flood:.0f} MB", flood < 400))
    tiny = tables["tiny"][0].measure.wall
    found.append(("a capture of 100 packets", "under 0.4 s", f"{tiny:.2f} s", tiny < 0.4))
    found.append(("`--version`", "under 0.1 s", f"{version.wall:.2f} s", version.wall < 0.1))
    found.append(("gzip input against `gzip -dc | wc -c`", "at most 1.3 times", f"{gzip[0] / gzip[1]:.2f} times",
                  gzip[0] <= 1.3 * gzip[1]))
    return [f"| {what} | {stated} | {measured} | {'yes' if met else '**no**'} |" for what, stated, measured, met in found]
