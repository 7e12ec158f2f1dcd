"""Regular expressions and formats as Go has them."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from kernel.api.custom_resources.formats import TEXT_FORMATS
from kernel.api.custom_resources.go_patterns import PatternError, go_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("^a$", "a", True),
        ("^a$", "a\n", False),
        (r"^a\z", "a", True),
        (r"^\d$", "٣", False),
        ("^[[:alpha:]_]+$", "ab_", True),
        ("^[[:digit:]]+$", "a", False),
        ("[$]", "$", True),
        (r"\$", "$", True),
        ("(?i)^ab$", "AB", True),
        (r"^\Qa.b\E$", "a.b", True),
        (r"^\Qa.b\E$", "axb", False),
        ("^(?<name>a)$", "a", True),
        ("b", "abc", True),
        (r"^[^\]]$", "a", True),
    ],
)
def test_a_pattern_of_go(pattern: str, text: str, matches: bool) -> None:
    assert (go_pattern(pattern).search(text) is not None) is matches


@pytest.mark.parametrize("pattern", ["(", "a(?=b)", r"(a)\1", "(?!x)", "[[:nothing:]]", "a**"])
def test_what_go_does_not_take(pattern: str) -> None:
    with pytest.raises(PatternError):
        go_pattern(pattern)


@given(st.text(alphabet="ab()[]{}^$*+?|\\.-:=!<>QEdzP1", max_size=16))
def test_any_text_is_a_pattern_or_told_to_be_none(text: str) -> None:
    with contextlib.suppress(PatternError):
        go_pattern(text).search("abba")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("uri", "https://example.com/a", "a b"),
        ("email", "a@b.c", "a"),
        ("hostname", "a.example.com", "-a"),
        ("ipv4", "192.0.2.1", "192.0.2.256"),
        ("ipv6", "2001:db8::1", "192.0.2.1"),
        ("cidr", "192.0.2.0/24", "192.0.2.0"),
        ("mac", "01:23:45:67:89:ab", "01:23"),
        ("uuid", "123e4567-e89b-12d3-a456-426614174000", "123"),
        ("uuid4", "123e4567-e89b-42d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174000"),
        ("isbn", "978-0321751041", "978-0321751042"),
        ("isbn10", "0321751043", "0321751044"),
        ("creditcard", "4111 1111 1111 1111", "4111"),
        ("hexcolor", "#ffffff", "#fffff"),
        ("rgbcolor", "rgb(255, 0, 1)", "rgb(256,0,1)"),
        ("byte", "YWI=", "a"),
        ("date", "2026-01-31", "2026-02-31"),
        ("datetime", "2026-01-31T00:00:00+01:00", "2026-01-31"),
        ("duration", "1h30m", "soon"),
        ("ssn", "123-45-6789", "1"),
    ],
)
def test_a_format(name: str, good: str, bad: str) -> None:
    assert TEXT_FORMATS[name](good)
    assert not TEXT_FORMATS[name](bad)
