"""Captures larger than the machine: parts read by several processes or machines, put together to one answer."""
