"""Who runs when: guests are scheduled like processes.

Owns the two lanes, CPU accounts and fairness between tenants. Must not know what a turn is for.
"""
