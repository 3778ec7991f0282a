"""The resources' shapes: what is sent, what comes back. They render and check; they never save."""
