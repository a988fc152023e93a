"""Routing tables as the kernel keeps them: what may be inserted, in which order, and what a look-up answers."""
