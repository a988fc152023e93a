"""The diagnosis while it happens: packets come in, findings go out, memory stays what it is."""
