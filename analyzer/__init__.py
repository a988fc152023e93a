"""Names the host whose reply skips the load balancer, and mends it."""
