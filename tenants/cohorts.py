"""Cohorts of a deployment: named groups of visitors with shares of their own.

Owns the shape as it is sent and as it is kept, and its checking. Who belongs to which is `tenants.rollout`.

    sent  [{"name": "beta", "versions": [{"version": "…", "percentage": 100}],
            "rules": [{"header": "x-plan", "values": ["pro"]}, {"cookie": "beta", "values": ["1", "yes"]}]}]
    kept  [{"name": "beta", "versions": {"…": 10000}, "rules": […]}]

A visitor belongs to the cohort that `Cloudflare-Workers-Cohort` names (letters' case does not matter), else to the first one of which any
rule holds: a header or a cookie with one of the values.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from tenants.errors import DeploymentInvalid
from tenants.weights import weights_of

COHORTS_MOST: Final = 20
RULES_MOST: Final = 20
VALUES_MOST: Final = 100
VALUE_CHARACTERS: Final = 200
NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_FIELD_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


def checked_cohorts(sent: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Cohorts as they are kept; raises `DeploymentInvalid` naming the part."""
    if not isinstance(sent, Sequence) or len(sent) > COHORTS_MOST:
        raise DeploymentInvalid(f"A deployment may have {COHORTS_MOST} cohorts.", field="cohorts", limit=COHORTS_MOST)
    found: list[dict[str, Any]] = []
    for at, cohort in enumerate(sent):
        where = f"cohorts[{at}]"
        name = cohort.get("name") if isinstance(cohort, Mapping) else None
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise DeploymentInvalid("A cohort's name is 1 to 40 letters, digits, - and _.", field=f"{where}.name")
        if name.lower() in {other["name"].lower() for other in found}:
            raise DeploymentInvalid(f"There are two cohorts called {name!r}.", field=f"{where}.name")
        if not isinstance(cohort.get("versions"), Sequence):
            raise DeploymentInvalid("A cohort has versions.", field=f"{where}.versions")
        shares = weights_of([_share(share, f"{where}.versions") for share in cohort["versions"]])
        rules = [_rule(rule, f"{where}.rules[{place}]") for place, rule in enumerate(_list(cohort.get("rules", ()), where))]
        found.append({"name": name, "versions": {str(key): weight for key, weight in shares.items()}, "rules": rules})
    return found


def named_in(cohorts: Sequence[Mapping[str, Any]]) -> Iterator[uuid.UUID]:
    """The ids of all versions that kept cohorts name."""
    for cohort in cohorts:
        yield from map(uuid.UUID, cohort["versions"])


def still_there(cohorts: Sequence[Mapping[str, Any]], weights: Mapping[uuid.UUID, int]) -> list[dict[str, Any]]:
    """Those of kept `cohorts` whose versions are all among `weights`."""
    return [dict(cohort) for cohort in cohorts if all(uuid.UUID(version_id) in weights for version_id in cohort["versions"])]


def moved(cohorts: Sequence[Mapping[str, Any]], before: str, after: str) -> list[dict[str, Any]]:
    """Kept `cohorts` with one version in the place of another."""
    return [
        {**cohort, "versions": {after if key == before else key: weight for key, weight in cohort["versions"].items()}}
        for cohort in cohorts
    ]


def shown_cohorts(cohorts: Sequence[Mapping[str, Any]] | None) -> list[dict[str, Any]]:
    """Kept cohorts as they are sent."""
    return [
        {
            "name": cohort["name"],
            "versions": [{"version": key, "percentage": weight / 100} for key, weight in cohort["versions"].items()],
            "rules": cohort["rules"],
        }
        for cohort in cohorts or ()
    ]


def _list(sent: Any, where: str) -> Sequence[Any]:
    if not isinstance(sent, list | tuple) or len(sent) > RULES_MOST:
        raise DeploymentInvalid(f"A cohort may have {RULES_MOST} rules.", field=f"{where}.rules", limit=RULES_MOST)
    return sent


def _share(share: Any, where: str) -> tuple[str, Any]:
    if not isinstance(share, Mapping) or set(share) != {"version", "percentage"}:
        raise DeploymentInvalid("A share has version and percentage.", field=where)
    return share["version"], share["percentage"]


def _rule(rule: Any, where: str) -> dict[str, Any]:
    if not isinstance(rule, Mapping) or set(rule) not in ({"header", "values"}, {"cookie", "values"}):
        raise DeploymentInvalid("A rule has header or cookie, and values.", field=where)
    kind = "header" if "header" in rule else "cookie"
    name, values = rule[kind], rule["values"]
    if not isinstance(name, str) or not _FIELD_NAME.fullmatch(name):
        raise DeploymentInvalid(f"The {kind}'s name must be a token.", field=f"{where}.{kind}")
    sound = isinstance(values, list | tuple) and 0 < len(values) <= VALUES_MOST
    if not sound or not all(isinstance(value, str) and len(value) <= VALUE_CHARACTERS for value in values):
        raise DeploymentInvalid(
            f"A rule has 1 to {VALUES_MOST} values of {VALUE_CHARACTERS} characters.", field=f"{where}.values", limit=VALUES_MOST
        )
    return {kind: name.lower() if kind == "header" else name, "values": list(values)}
