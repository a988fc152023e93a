"""The forwarding engine: hosts, links, routes, translation; pure."""
