"""RFC 8941 dictionaries: the examples of the RFC, and whatever a visitor may write."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.sfv import parse_strings


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        ('a="1"', {"a": "1"}),
        ('en="Applepie", da=:w4ZibGV0w6ZydGUK:', {"en": "Applepie"}),
        ("a=?0, b, c; foo=bar", {}),
        ("rating=1.5, feelings=(joy sadness)", {}),
        ('a=(1 2), b=3, c="x";aa=bb, d=(5 6);valid', {"c": "x"}),
        ('my-worker="dc8dcd28-271b-4367-9840-6c244f84cb40"', {"my-worker": "dc8dcd28-271b-4367-9840-6c244f84cb40"}),
        # The last one counts, whatever it is.
        ('a="1", a="2"', {"a": "2"}),
        ('a="1", a=2', {}),
        # Lines joined by a proxy, with the white space the RFC allows.
        ('a="1" \t,\t b="2"  ', {"a": "1", "b": "2"}),
        (r'a="say \"hi\" \\ bye"', {"a": r'say "hi" \ bye'}),
        ("a=( )", {}),
        ('a=("x";q=1 "y")', {}),
        # Not the RFC's: workers' names may begin with a digit.
        ('1st="x"', {"1st": "x"}),
    ],
)
def test_well_formed(header: str, found: dict[str, str]):
    assert parse_strings(header) == found


@pytest.mark.parametrize(
    "header",
    [
        'a="1",',
        ",",
        'a="1" b="2"',
        'A="x"',
        "a=",
        'a="x',
        'a="\\x"',
        "a=(1",
        "a=(1(",
        'a=("x""y")',
        "a=:?:",
        "a=é",
        'a="é"',
        "a=1.2345",
        "=1",
        'a="x";',
        "a=--1",
        'a="' + "x" * 9000 + '"',
    ],
)
def test_malformed(header: str):
    with pytest.raises(ValueError, match=r"header|unexpected"):
        parse_strings(header)


@given(st.text(alphabet=st.characters(max_codepoint=0x17F), max_size=60))
def test_anything_is_a_dictionary_or_a_value_error(header: str):
    try:
        found = parse_strings(header)
    except ValueError:
        return
    assert all(isinstance(key, str) and isinstance(value, str) for key, value in found.items())


@given(st.text(alphabet='ab="\\;,()?:*. 1-\t', max_size=40))
def test_anything_made_of_the_grammars_own_characters(header: str):
    try:
        parse_strings(header)
    except ValueError:
        return


@given(
    st.dictionaries(
        st.from_regex(r"[a-z_0-9][a-z0-9_-]{0,20}", fullmatch=True),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    )
)
def test_what_is_serialized_is_read_back(members: dict[str, str]):
    quoted = {key: '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for key, value in members.items()}
    assert parse_strings(", ".join(f"{key}={value}" for key, value in quoted.items())) == members
