"""The columns of a packet that its tracker needs, whichever process decoded it."""

from __future__ import annotations

from analyzer.flow._side import Packet
from analyzer.tables import FLOWS, PACKETS, Schema

LOOSE: Schema = {name: PACKETS[name] for name in Packet._fields if name in PACKETS} | {"frame": FLOWS["syn_frame"]}
