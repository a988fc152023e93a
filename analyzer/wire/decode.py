"""Octets to columns: ``Decoder(book).decode(batch)``.

The compiled kernel where it was built, the plain one otherwise; the answers are
the same.  ``REPLYPATH_PURE=1`` in the environment asks for the plain one.
"""

from __future__ import annotations

import os

from analyzer.tables import AddressBook, Batch, PacketTable

COMPILED = False
if not os.environ.get("REPLYPATH_PURE"):
    try:
        from analyzer.wire._fast import Kernel

        COMPILED = True
    except ImportError:   # no compiler at installation: the twin gives the same answers, more slowly
        pass

if not COMPILED:
    from analyzer.wire._reference import Kernel  # type: ignore[assignment]


class Decoder:
    """Decodes the batches of one or many captures that share an address book.

    ``tunnels`` is the text of each tunnel path by its id (id 0 is ""), and grows as
    batches are decoded.  ``compiled`` says which kernel works.  Nothing is ever
    raised for what a frame holds: a bad frame is a row with a verdict.  One thread
    at a time may use a book; threads with books of their own run side by side.
    """

    def __init__(self, book: AddressBook) -> None:
        self.tunnels: list[str] = [""]
        self.compiled = COMPILED
        self._kernel = Kernel(book)

    def decode(self, batch: Batch) -> PacketTable:
        """One row of ``PACKETS`` for each frame of ``batch``, in its order.

        The columns that the batch already holds (time, position, lengths,
        interface) are its own arrays, not copies.
        """
        columns = self._kernel.decode(batch)
        paths = self._kernel.tunnels
        self.tunnels += [paths.text(number) for number in range(len(self.tunnels), len(paths))]
        return PacketTable(columns, batch.first_frame)
