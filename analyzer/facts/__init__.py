"""Plug-ins: output of a host's commands to a Host."""
