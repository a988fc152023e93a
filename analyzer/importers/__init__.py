"""Plug-ins: balancer configuration text to the mapping."""
