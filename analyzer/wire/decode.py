"""Octets to columns: ``Decoder(book).decode(batch)``.

The compiled kernel where it was built, the plain one otherwise; the answers are
the same.  ``REPLYPATH_PURE=1`` in the environment asks for the plain one.
"""

from __future__ import annotations

from analyzer.tables import AddressBook, Batch, PacketTable
from analyzer.wire._reference import Kernel


class Decoder:
    """Decodes the batches of one or many captures that share an address book.

    ``tunnels`` is the text of each tunnel path by its id (id 0 is ""), and grows as
    batches are decoded.  ``compiled`` says which kernel works.  Nothing here is
    ever raised for what a frame holds: a bad frame is a row with a verdict.
    One thread at a time may use a book.
    """

    def __init__(self, book: AddressBook) -> None:
        self.tunnels: list[str] = [""]
        self.compiled = False
        self._kernel = Kernel(book)

    def decode(self, batch: Batch) -> PacketTable:
        """One row of ``PACKETS`` for each frame of ``batch``, in its order."""
        columns = self._kernel.decode(batch)
        paths = self._kernel.tunnels
        self.tunnels += [paths.text(number) for number in range(len(self.tunnels), len(paths))]
        return PacketTable(columns, batch.first_frame)
