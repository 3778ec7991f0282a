"""What an operator runs: the environment, the set-up steps, the supervisor and the demo tenant.

Owns the commands behind `make`. Must not be imported by any other package: nothing of the platform depends on how it is started.
"""
