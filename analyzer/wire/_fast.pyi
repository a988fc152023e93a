from analyzer.tables import AddressBook, Batch, Table
from analyzer.wire.paths import TunnelBook

class Kernel:
    tunnels: TunnelBook
    def __init__(self, book: AddressBook) -> None: ...
    def decode(self, batch: Batch) -> Table: ...
