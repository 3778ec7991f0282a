"""Looking everything over, for an operator who wonders.

    finding.py   what a look says
    machine.py   settings, disk, clock, kernel, ports
    data.py      database, keys, content, images
    services.py  Redis, broker, background work, gateways

Owns the questions and what can be done about each answer. Changes nothing.
"""
