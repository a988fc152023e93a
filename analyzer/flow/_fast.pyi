from analyzer.flow.layout import Records
from analyzer.flow.timeouts import Limits
from analyzer.tables import PacketTable

class Tracker:
    compiled: bool
    evicted: int
    live: int
    def __init__(self, limits: Limits, secret: int) -> None: ...
    def feed(self, table: PacketTable) -> None: ...
    def records(self, *, final: bool = False) -> Records: ...
