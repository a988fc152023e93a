"""Octets to columns, pure: one file a protocol, two decoders held equal."""
