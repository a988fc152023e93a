"""Who is told what a live run finds: people, machines, Prometheus, a command."""
