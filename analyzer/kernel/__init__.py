"""The same network in Linux namespaces, for proving on a real kernel."""
