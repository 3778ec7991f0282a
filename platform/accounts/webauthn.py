"""Passkeys and security keys: whose pages may ask for them, and what becomes of nonsense.

Owns two things that django-allauth has no setting for.

The origin: browsers let a page of any subdomain ask for the keys of the domain above it, and on this platform strangers have such pages:
workers answer at `{worker}.{tenant}.{base}`. So a key's answer counts only if it was given to the control plane's own page, scheme, host
and port; the library alone would be content with a subdomain.

The answer itself: it is JSON from anybody, and the library raises whatever its parser stumbles over. Here all of that is a wrong code.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import structlog
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.internal import auth
from django.conf import settings
from django.core.exceptions import ValidationError
from fido2.server import Fido2Server
from fido2.webauthn import PublicKeyCredentialRpEntity

log = structlog.get_logger(__name__)
_READERS = (
    "parse_registration_response",
    "complete_registration",
    "parse_authentication_response",
    "extract_user_from_response",
    "complete_authentication",
)


def own_origin(origin: str) -> bool:
    """Whether `origin` is that of the page which was asked for."""
    return origin == f"{settings.HOSTEL.public_scheme}://{context.request.get_host()}"


def server() -> Fido2Server:
    """What checks the answers of keys."""
    return Fido2Server(PublicKeyCredentialRpEntity(**get_adapter().get_public_key_credential_rp_entity()), verify_origin=own_origin)


def install() -> None:
    """Take the places of django-allauth's own; repeatable."""
    auth.get_server = server
    for name in _READERS:
        reader = getattr(auth, name)
        if not hasattr(reader, "__wrapped__"):
            setattr(auth, name, _forgiving(reader))


def _forgiving(reader: Callable[..., Any]) -> Callable[..., Any]:
    """`reader`, for which everything it cannot read is a wrong code."""

    @functools.wraps(reader)
    def read(*arguments: Any) -> Any:
        try:
            return reader(*arguments)
        except ValidationError:
            raise
        except Exception as error:  # noqa: BLE001 - a stranger chose the input, and half a dozen parsers read it
            log.info("a key's answer could not be read", error=repr(error)[:200])
            raise get_adapter().validation_error("incorrect_code") from None

    return read
