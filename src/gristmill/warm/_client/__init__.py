"""The side that asks for kernels: finds or starts a server, takes a child, waits for its end."""
