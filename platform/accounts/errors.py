"""What can go wrong with accounts, beside what forms say themselves."""

from __future__ import annotations

from sandbox.errors import HostelError


class TooManyAttempts(HostelError):
    """Too many attempts: wait a little."""

    code = "too_many_attempts"
    status = 429
    fault = "visitor"


class MailUnavailable(HostelError):
    """The message could not be sent. Nothing is lost: try again later."""

    code = "mail_unavailable"
    status = 503
