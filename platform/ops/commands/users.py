"""`hostel user …`: people who log in."""

from __future__ import annotations

import secrets
import sys
from argparse import Namespace

from ops.cli import Outcome, facts
from ops.commands.support import operator
from tenants import services


def create(options: Namespace) -> Outcome:
    """Make a person. A password that was made here is shown once; one that was read is not repeated."""
    made = None if options.password_stdin else secrets.token_urlsafe(15)
    password = made or sys.stdin.readline().rstrip("\n")
    user = services.user_create(email=options.email, password=password, name=options.name, operator=options.operator, actor=operator())
    data = {"email": user.email, "name": user.name, "operator": user.is_staff, **({"password": made} if made else {})}
    return Outcome(data, facts(data))
