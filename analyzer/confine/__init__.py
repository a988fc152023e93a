"""Captures come from strangers: what reads them does so in a child that may read, write and spend little."""
