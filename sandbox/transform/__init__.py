"""What is done to a worker's sources before the engine reads them: types and JSX taken away, source maps read.

Runs in the host, at start-up alone. Knows bundles and nothing of instances.
"""
