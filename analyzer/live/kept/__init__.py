"""Captured packets on disk: a ring while the run goes on, one pcapng file at its end."""
