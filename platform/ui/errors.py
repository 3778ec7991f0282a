"""What can go wrong with pages alone; everything else is said by the services.

Owns the leaves only; the tree's root is `sandbox.errors`.
"""

from __future__ import annotations

from sandbox.errors import HostelError


class ActionUnknown(HostelError):
    """This page cannot do that: look at it again."""

    code = "action_unknown"
    status = 400
    fault = "visitor"


class ConfirmationMissing(HostelError):
    """Type the name of what you are about to change, exactly as it is written."""

    code = "confirmation_missing"
    status = 400
    fault = "visitor"


class ReadOnlySession(HostelError):
    """You look at this tenant as an operator: nothing can be changed from here."""

    code = "read_only_session"
    status = 403
    fault = "visitor"


class SessionEnded(HostelError):
    """Your session has ended: sign in again, in another tab if you like, then repeat what you did. Nothing was changed."""

    code = "session_ended"
    status = 401
    fault = "visitor"
