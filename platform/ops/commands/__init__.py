"""What the command line's commands do, one module for each subject.

Owns the way from parsed options to services and back to an `Outcome`. Must not print (ops.cli does) nor hold a rule: services do.
"""
