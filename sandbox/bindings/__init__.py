"""What guest code can reach outside itself.

Owns the host's side of every binding. Must not know frames, instances or rows: each binding takes bytes and gives bytes.
"""
