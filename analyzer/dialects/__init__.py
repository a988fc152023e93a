"""Plug-ins: a change to commands, undo, verification and persistence."""
