"""The forwarding engine's values as a network of the bench, so that the kernel can be asked the same questions."""
