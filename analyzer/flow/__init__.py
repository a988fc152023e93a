"""Packets to flows, pure, streaming and bounded."""
