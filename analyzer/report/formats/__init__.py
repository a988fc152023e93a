"""Plug-ins: a Diagnosis to octets."""
