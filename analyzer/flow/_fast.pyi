from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analyzer.flow.layout import Records
from analyzer.flow.timeouts import Limits
from analyzer.tables import Column, PacketTable

class Tracker:
    compiled: bool
    evicted: int
    live: int
    def __init__(self, limits: Limits, secret: int) -> None: ...
    def feed(self, table: PacketTable) -> None: ...
    def records(self, *, final: bool = False) -> Records: ...

def scatter(
    marks: NDArray[np.void], at: NDArray[np.uint32], rows: NDArray[np.int64], columns: Sequence[Column]
) -> None: ...
