# What the compiled kernel offers: the names and answers of ``_reference`` and ``_search``.

import numpy as np
from numpy.typing import NDArray

from analyzer.capture.records import Columns, Near, Result, Section, Stretch, Tallies

CONSTANTS: dict[str, int]

def scan_pcap(
    stretch: Stretch, columns: Columns, row: int, layout: NDArray[np.int64], tallies: Tallies,
) -> Result: ...
def scan_pcapng(stretch: Stretch, columns: Columns, row: int, section: Section) -> Result: ...
def find_pcap(stretch: Stretch, layout: NDArray[np.int64], near: Near) -> tuple[int, int, int]: ...
def find_pcapng(stretch: Stretch, layout: NDArray[np.int64]) -> tuple[int, int, int]: ...
