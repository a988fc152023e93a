"""Octets before anybody knows what they mean: files, pipes, compressed streams, and a window that slides over them."""
