"""Background work.

Owns the rows that say what is to be done and what became of it, the transport that wakes the workers, and the worker process itself. The
database is the truth: a message carries one id, and may be lost or come twice. Must not hold a rule of the product: a kind of job is a few
lines that call a service.
"""
