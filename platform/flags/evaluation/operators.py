"""What a condition can ask of an attribute.

Owns the table of operators: how each checks the value it compares with (once, when a flag is written or compiled), the function that
then decides, what it costs, and how it reads in a sentence. A function gets the attribute's value (None: there is none) and must never
raise, whatever a stranger put into a context. Types never mix: a text is not its number, true is not 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flags.evaluation.limits import VALUE_CHARACTERS, VALUES
from flags.evaluation.patterns import compiled
from flags.evaluation.scalars import address_of, moment_of, network_of, semver_of

Matcher = Callable[[Any], bool]
_NUMBERS: Final = (int, float)
_PATTERN_COST: Final = 20
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class Operator:
    """`make(value, ignore_case)` checks the value, raising ValueError, and returns the decision; `takes` says what the value must be."""

    make: Callable[[Any, bool], Matcher]
    phrase: str
    takes: str
    # Whether `ignore_case` means anything to it.
    text: bool = False
    # What one decision costs, given the value.
    cost: Callable[[Any], int] = lambda _value: 1


def _scalar(value: Any) -> Any:
    if isinstance(value, str):
        return _text(value)
    if type(value) is bool or type(value) in _NUMBERS:
        return value
    raise ValueError("the value must be a text, a number, true or false")


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > VALUE_CHARACTERS:
        raise ValueError(f"the value must be a text of at most {VALUE_CHARACTERS} characters")
    return value


def _number(value: Any) -> float:
    if type(value) not in _NUMBERS:
        raise ValueError("the value must be a number")
    return value  # type: ignore[no-any-return]  # one of the two


def _several(value: Any) -> list[Any]:
    if not isinstance(value, list) or not 1 <= len(value) <= VALUES:
        raise ValueError(f"the value must be a list of 1 to {VALUES}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    found = tuple(_text(each) for each in (_several(value) if isinstance(value, list) else [value]))
    if "" in found:
        raise ValueError("an empty text is part of every text")
    return found


def _equals(value: Any, ignore_case: bool) -> Matcher:
    _scalar(value)
    if type(value) is bool:
        return lambda got: got is value
    if isinstance(value, str):
        if ignore_case:
            folded = value.casefold()
            return lambda got: type(got) is str and got.casefold() == folded
        return lambda got: type(got) is str and got == value
    return lambda got: type(got) in _NUMBERS and got == value


def _in(value: Any, ignore_case: bool) -> Matcher:
    given = [_scalar(each) for each in _several(value)]
    texts = frozenset(each.casefold() if ignore_case else each for each in given if isinstance(each, str))
    numbers = frozenset(each for each in given if type(each) in _NUMBERS)
    booleans = frozenset(each for each in given if type(each) is bool)

    def decide(got: Any) -> bool:
        if type(got) is str:
            return (got.casefold() if ignore_case else got) in texts
        if type(got) is bool:
            return got in booleans
        return type(got) in _NUMBERS and got in numbers

    return decide


def _negated(make: Callable[[Any, bool], Matcher]) -> Callable[[Any, bool], Matcher]:
    def made(value: Any, ignore_case: bool) -> Matcher:
        decide = make(value, ignore_case)
        return lambda got: not decide(got)

    return made


def _compared(read: Callable[[Any], Any], check: Callable[[Any], Any], compare: Callable[[Any, Any], bool]) -> Any:
    """Order: `read` turns an attribute into what can be compared, or None; `check` does so with the condition's value, or raises."""

    def made(value: Any, _ignore_case: bool) -> Matcher:
        bound = check(value)

        def decide(got: Any) -> bool:
            found = read(got)
            return found is not None and compare(found, bound)

        return decide

    return made


def _or_raise(read: Callable[[Any], Any], takes: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        found = read(value)
        if found is None:
            raise ValueError(f"the value must be {takes}")
        return found

    return check


def _numeric(got: Any) -> Any:
    return got if type(got) in _NUMBERS else None


def _affix(method: Callable[[str, tuple[str, ...]], bool]) -> Callable[[Any, bool], Matcher]:
    def made(value: Any, ignore_case: bool) -> Matcher:
        wanted = _texts(value)
        if not ignore_case:
            return lambda got: type(got) is str and method(got, wanted)
        folded = tuple(each.casefold() for each in wanted)
        return lambda got: type(got) is str and method(got.casefold(), folded)

    return made


def _contains(value: Any, ignore_case: bool) -> Matcher:
    """Of a text: any of the texts is part of it. Of a list: any of them is a member."""
    wanted = tuple(each.casefold() for each in _texts(value)) if ignore_case else _texts(value)
    members = frozenset(wanted)

    def decide(got: Any) -> bool:
        if type(got) is str:
            text = got.casefold() if ignore_case else got
            return any(each in text for each in wanted)
        if isinstance(got, list):
            return any(type(each) is str and (each.casefold() if ignore_case else each) in members for each in got)
        return False

    return decide


def _exists(value: Any, _ignore_case: bool) -> Matcher:
    if value is not None:
        raise ValueError("this operator takes no value")
    return lambda got: got is not None


def _matches(value: Any, ignore_case: bool) -> Matcher:
    search = compiled(_text(value), ignore_case=ignore_case)
    return lambda got: type(got) is str and search(got)


def _in_cidr(value: Any, _ignore_case: bool) -> Matcher:
    prefixes: dict[tuple[int, int], set[int]] = {}
    for each in _texts(value):
        try:
            family, length, prefix = network_of(each)
        except ValueError:
            raise ValueError(f"{each[:60]!r} is not an address or a network in CIDR notation") from None
        prefixes.setdefault((family, length), set()).add(prefix)

    def decide(got: Any) -> bool:
        address = address_of(got)
        if address is None:
            return False
        family, number = address
        bits = 32 if family == 4 else 128  # noqa: PLR2004 - the families of IP
        return any(of == family and number >> (bits - length) in known for (of, length), known in prefixes.items())

    return decide


def _list_cost(value: Any) -> int:
    return len(value) if isinstance(value, list) else 1


def _ordered(read: Callable[[Any], Any], takes: str, name: str, noun: str) -> dict[str, Operator]:
    check = _or_raise(read, takes)
    return {
        f"{name}greater_than": Operator(_compared(read, check, lambda got, bound: got > bound), f"{noun}is greater than", takes),
        f"{name}greater_than_or_equals": Operator(_compared(read, check, lambda got, bound: got >= bound), f"{noun}is at least", takes),
        f"{name}less_than": Operator(_compared(read, check, lambda got, bound: got < bound), f"{noun}is less than", takes),
        f"{name}less_than_or_equals": Operator(_compared(read, check, lambda got, bound: got <= bound), f"{noun}is at most", takes),
    }


_SCALAR_LIST: Final = f"a list of 1 to {VALUES} texts, numbers, true or false"
_TEXT_LIST: Final = f"a text, or a list of 1 to {VALUES} texts"
_MOMENT: Final = "a date (ISO 8601), or milliseconds since 1970"
_SEMVER: Final = "a version, such as 1.4.0 or 2.0.0-rc.1"

OPERATORS: Final[Mapping[str, Operator]] = {
    "equals": Operator(_equals, "is", "a text, a number, true or false", text=True),
    "not_equals": Operator(_negated(_equals), "is not", "a text, a number, true or false", text=True),
    "in": Operator(_in, "is one of", _SCALAR_LIST, text=True),
    "not_in": Operator(_negated(_in), "is none of", _SCALAR_LIST, text=True),
    "starts_with": Operator(_affix(str.startswith), "starts with", _TEXT_LIST, text=True),
    "ends_with": Operator(_affix(str.endswith), "ends with", _TEXT_LIST, text=True),
    "contains": Operator(_contains, "contains", _TEXT_LIST, text=True, cost=_list_cost),
    "matches": Operator(_matches, "matches", "a regular expression (RE2)", text=True, cost=lambda _value: _PATTERN_COST),
    "exists": Operator(_exists, "is there", "nothing"),
    "not_exists": Operator(_negated(_exists), "is not there", "nothing"),
    **_ordered(_numeric, "a number", "", ""),
    "before": Operator(_compared(moment_of, _or_raise(moment_of, _MOMENT), lambda got, bound: got < bound), "is before", _MOMENT),
    "after": Operator(_compared(moment_of, _or_raise(moment_of, _MOMENT), lambda got, bound: got > bound), "is after", _MOMENT),
    "semver_equals": Operator(
        _compared(semver_of, _or_raise(semver_of, _SEMVER), lambda got, bound: got == bound), "as a version is", _SEMVER
    ),
    **_ordered(semver_of, _SEMVER, "semver_", "as a version "),
    "in_cidr": Operator(_in_cidr, "is in the network", "an address or network, or a list of them", cost=lambda _value: 10),
}
# Decided by the bucket, not by a value: it is no function of the attribute alone.
PERCENTAGE: Final = "percentage"


def shown(value: Any) -> str:
    """A condition's value in a sentence: the first few of many."""
    if isinstance(value, list):
        more = f" and {len(value) - _SHOWN} more" if len(value) > _SHOWN else ""
        return ", ".join(shown(each) for each in value[:_SHOWN]) + more
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"“{value[:60]}”" if isinstance(value, str) else str(value)[:60]
