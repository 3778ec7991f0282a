"""API tokens.

A token is `hst_`, 43 characters of a 256-bit secret and 6 of its CRC-32 (both in base 62): a mistyped or cut one is refused without asking
the database, and a scanner that finds one in a repository can tell it from chance. Only its SHA-256 is stored; a fast hash is right here,
because nobody can guess 256 bits.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from tenants.actor import Actor
from tenants.errors import FieldInvalid, TokenInvalid
from tenants.models import ApiToken, Membership, Tenant, User
from tenants.names import check_text, split_name
from tenants.roles import WORKER_SCOPES
from tenants.services.quotas import quota_require
from tenants.services.support import audit, require_active

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SECRET, _CHECK = 43, 6
_TOKEN = re.compile(rf"hst_([0-9A-Za-z]{{{_SECRET}}})([0-9A-Za-z]{{{_CHECK}}})")
_SHOWN = len("hst_") + 8
NAME_CHARACTERS = 200
WORKERS_COUNT = 100
# How exact `last_used_at` is.
_USED = timedelta(minutes=1)


@transaction.atomic
def token_create(
    *,
    tenant: Tenant | None,
    name: str,
    scopes: Sequence[str],
    workers: Sequence[str] | None = None,
    expires_at: datetime | None = None,
    user: User | None = None,
    actor: Actor,
) -> tuple[ApiToken, str]:
    """A new token and its text, which is not stored and cannot be shown again. Raises `FieldInvalid` or `QuotaExceeded`.

    `workers` names the only ones it may see; whose `user` is given has no more rights than that person in the tenant, at any time.
    """
    if tenant is not None:
        require_active(tenant)
    check_text(name, field="name", limit=NAME_CHARACTERS, least=1)
    unknown = set(scopes) - set(ApiToken.Scope.values)
    if unknown or not scopes:
        raise FieldInvalid(f"Scopes must be some of {', '.join(ApiToken.Scope.values)}.", field="scopes")
    if (ApiToken.Scope.OPERATOR in scopes) != (tenant is None):
        raise FieldInvalid("The scope operator is for tokens without a tenant, and for those only.", field="scopes")
    if expires_at is not None and expires_at <= timezone.now():
        raise FieldInvalid("A token cannot expire in the past.", field="expires_at")
    if workers is not None:
        _check_workers(workers, scopes)
    if tenant is not None:
        quota_require(tenant=tenant, tokens=1)
    text = _new_token()
    token = ApiToken.objects.create(
        tenant=tenant,
        user=user,
        name=name,
        prefix=text[:_SHOWN],
        digest=_digest(text),
        scopes=sorted(set(scopes)),
        workers=None if workers is None else sorted(set(workers)),
        expires_at=expires_at,
    )
    audit(tenant=tenant, actor=actor, action="token_create", target=str(token), scopes=token.scopes, workers=token.workers)
    return token, text


def token_authenticate(*, secret: str) -> ApiToken:
    """The token that `secret` is the text of.

    Raises `TokenInvalid` for one that is malformed, unknown, revoked or expired, or whose person may not log in any more or has left the
    tenant. Which of these it is stays untold: it would tell a thief what he has.
    """
    match = _TOKEN.fullmatch(secret)
    if match is None or _checksum(match[1]) != match[2]:
        raise TokenInvalid
    token = ApiToken.objects.select_related("tenant", "user").filter(digest=_digest(secret)).first()
    now = timezone.now()
    if token is None or token.revoked_at is not None or (token.expires_at is not None and token.expires_at <= now):
        raise TokenInvalid
    _bind(token)
    if token.last_used_at is None or now - token.last_used_at >= _USED:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        token.last_used_at = now
    return token


@transaction.atomic
def token_revoke(*, token: ApiToken, actor: Actor) -> None:
    """End a token at once; repeatable."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    audit(tenant=token.tenant, actor=actor, action="token_revoke", target=str(token))


def _bind(token: ApiToken) -> None:
    """Give `token` the bounds of now: its person's role, and the workers it may see. Raises `TokenInvalid`."""
    if token.user is not None:
        if not token.user.is_active:
            raise TokenInvalid
        if token.tenant is None:
            if not token.user.is_staff:
                raise TokenInvalid
        else:
            token.role = Membership.objects.filter(tenant=token.tenant, user=token.user).values_list("role", flat=True).first()
            if token.role is None:
                raise TokenInvalid
    if token.tenant is not None and token.workers is not None:
        token.tenant.only_workers = frozenset(token.workers)


def _check_workers(workers: Sequence[str], scopes: Sequence[str]) -> None:
    if not 1 <= len(workers) <= WORKERS_COUNT:
        raise FieldInvalid(f"A token can be limited to 1 to {WORKERS_COUNT} workers.", field="workers", limit=WORKERS_COUNT)
    for name in workers:
        if split_name(name) is None:
            raise FieldInvalid(f"{name[:80]!r} cannot be a worker's name.", field="workers")
    if reaching := sorted(set(scopes) - WORKER_SCOPES):
        raise FieldInvalid(f"A token that is limited to some workers cannot have the scope {reaching[0]}.", field="scopes")


def _new_token() -> str:
    secret = _base62(secrets.randbits(256), _SECRET)
    return f"hst_{secret}{_checksum(secret)}"


def _checksum(secret: str) -> str:
    return _base62(zlib.crc32(secret.encode()), _CHECK)


def _base62(number: int, width: int) -> str:
    digits: list[str] = []
    for _ in range(width):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
