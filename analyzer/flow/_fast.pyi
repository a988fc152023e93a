import numpy as np
from numpy.typing import NDArray

from analyzer.flow.timeouts import Limits
from analyzer.tables import PacketTable, Table

class Tracker:
    compiled: bool
    evicted: int
    live: int
    def __init__(self, limits: Limits, secret: int) -> None: ...
    def feed(self, table: PacketTable) -> None: ...
    def table(self, capture: int, *, final: bool = False) -> Table: ...
    def first_frames(self) -> NDArray[np.uint32]: ...
