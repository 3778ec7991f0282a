"""What a rule or a flag's default serves: one variant, or a split of several by bucket.

Owns the reading of `serve`, the pieces of a split, and the choice. A split's percentages add up to 100; its pieces, when they are written
down, must be exactly as many buckets and never overlap.

    {"variant": "on"}
    {"split": [{"variant": "a", "percentage": 50}, {"variant": "b", "percentage": 50}], "by": "account"}
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from flags.errors import FlagInvalid
from flags.evaluation.attributes import TARGETING_KEY, Context, key_getter
from flags.evaluation.buckets import BUCKETS, Pieces, bucket_of, buckets_in, counted, in_order
from flags.evaluation.limits import PIECES, VARIANTS

_SHARE: Final = frozenset({"variant", "percentage", "pieces"})


@dataclass(frozen=True, slots=True)
class Serving:
    """`variant` of a single one; of a split, `choose` gives the variant of a bucket, and `key` what somebody is put into one by."""

    sentence: str
    variant: str | None
    by: str = TARGETING_KEY
    key: Callable[[Context], str | None] | None = None
    uppers: Sequence[int] = ()
    variants: Sequence[str] = ()

    def choose(self, bucket: int) -> str:
        """The variant that has `bucket`."""
        return self.variants[bisect_right(self.uppers, bucket)]

    def bucket(self, salt: str, context: Context) -> int | None:
        """Where somebody falls in this split; None without a key, or where nothing is split."""
        key = self.key(context) if self.key is not None else None
        return None if key is None else bucket_of(salt, key)


def read_serving(sent: Any, variants: Mapping[str, Any], path: str) -> Serving:
    """What `sent` says. Raises FlagInvalid."""
    if not isinstance(sent, Mapping) or ("variant" in sent) == ("split" in sent):
        raise FlagInvalid("Say what is served: a “variant”, or a “split” of several.", field=path)
    known = {"variant"} if "variant" in sent else {"split", "by"}
    if unknown := sorted(str(name) for name in sent if name not in known):
        raise FlagInvalid(f"There is no field {unknown[0][:60]!r} here.", field=path)
    if "variant" in sent:
        variant = known_variant(sent["variant"], variants, f"{path}.variant")
        return Serving(f"serve “{variant}”", variant)
    return _split(sent, variants, path)


def known_variant(name: Any, variants: Mapping[str, Any], path: str) -> str:
    """`name` itself, a variant of the flag. Raises FlagInvalid."""
    if not isinstance(name, str) or name not in variants:
        raise FlagInvalid(f"The flag has no variant {str(name)[:60]!r}; it has {', '.join(list(variants)[:10])}.", field=path)
    return name


def read_pieces(sent: Any, count: int, path: str) -> Pieces:
    """Pieces as they are stored, for a share of `count` buckets. Raises FlagInvalid."""
    wrong = FlagInvalid("Pieces are pairs of buckets, [from, to), as many as the percentage says.", field=path)
    if not isinstance(sent, list) or len(sent) > PIECES:
        raise wrong
    for piece in sent:
        if not isinstance(piece, list) or len(piece) != 2 or not all(type(bound) is int for bound in piece):  # noqa: PLR2004 - a pair
            raise wrong
        if not 0 <= piece[0] < piece[1] <= BUCKETS:
            raise wrong
    pieces = tuple((start, end) for start, end in sorted(sent))
    if counted(pieces) != count or any(following[0] < piece[1] for piece, following in pairwise(pieces)):
        raise wrong
    return pieces


def read_percentage(sent: Any, path: str) -> int:
    """The number of buckets. Raises FlagInvalid."""
    try:
        if type(sent) not in (int, float):
            raise ValueError("a percentage is a number")  # noqa: TRY301 - one way out for both faults
        return buckets_in(sent)
    except ValueError as error:
        raise FlagInvalid(f"Not a percentage: {error}.", field=path) from None


def _split(sent: Mapping[str, Any], variants: Mapping[str, Any], path: str) -> Serving:
    shares = sent["split"]
    if not isinstance(shares, list) or not 1 <= len(shares) <= VARIANTS:
        raise FlagInvalid(f"A split is a list of 1 to {VARIANTS} shares.", field=f"{path}.split", limit=VARIANTS)
    names: list[str] = []
    counts: list[int] = []
    for number, share in enumerate(shares):
        place = f"{path}.split[{number}]"
        if not isinstance(share, Mapping) or not share.keys() <= _SHARE:
            raise FlagInvalid("A share has a “variant” and a “percentage”.", field=place)
        names.append(known_variant(share.get("variant"), variants, f"{place}.variant"))
        counts.append(read_percentage(share.get("percentage"), f"{place}.percentage"))
    if len(set(names)) != len(names):
        raise FlagInvalid("A variant stands in a split once.", field=f"{path}.split")
    if sum(counts) != BUCKETS:
        raise FlagInvalid(f"The percentages must add up to 100, not {sum(counts) * 100 / BUCKETS:g}.", field=f"{path}.split")
    if any("pieces" in share for share in shares):
        pieces = [
            read_pieces(share.get("pieces", []), count, f"{path}.split[{number}].pieces")
            for number, (share, count) in enumerate(zip(shares, counts, strict=True))
        ]
    else:
        pieces = in_order(counts)
    ordered = sorted((start, end, name) for name, of in zip(names, pieces, strict=True) for start, end in of)
    if any(following[0] < piece[1] for piece, following in pairwise(ordered)):
        raise FlagInvalid("The pieces of two shares overlap.", field=f"{path}.split")
    by = sent.get("by", TARGETING_KEY)
    try:
        key = key_getter(by) if isinstance(by, str) else None
    except ValueError as error:
        raise FlagInvalid(f"Not an attribute: {error}.", field=f"{path}.by") from None
    if key is None:
        raise FlagInvalid("“by” names an attribute.", field=f"{path}.by")
    told = ", ".join(f"{share['percentage']:g} % “{name}”" for share, name in zip(shares, names, strict=True))
    return Serving(f"serve {told} by {by}", None, by, key, [end for _, end, _ in ordered], [name for _, _, name in ordered])
