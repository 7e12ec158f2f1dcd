"""Regular expressions as Go has them."""

import contextlib

import pytest
from hypothesis import given, strategies as st

from kernel.api.custom_resources.go_patterns import PatternError, go_pattern

LETTERS = r"\pL{1000}"


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
        ("^.$", "😀", True),
        ("^.$", "\n", False),
        ("(?s)^.$", "\n", True),
        (r"^\p{Greek}+$", "λόγος", True),
        (r"^\w$", "é", False),
        (r"^\Q\C\E$", r"\C", True),
        (r"^\\C$", r"\C", True),
        ("^[a-z]{1,1000}$", "a" * 1000, True),
    ],
)
def test_a_pattern_of_go(pattern: str, text: str, matches: bool) -> None:
    assert go_pattern(pattern).matches(text) is matches


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(", "missing closing ): `(`"),
        ("[a", "missing closing ]: `[a`"),
        ("a)", "unexpected ): `a)`"),
        ("a(?=b)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?!x)", "invalid or unsupported Perl syntax: `(?!`"),
        (r"(a)\1", r"invalid escape sequence: `\1`"),
        (r"[^a]\C", r"invalid escape sequence: `\C`"),
        ("[[:nothing:]]", "invalid character class range: `[:nothing:]`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("a" * 70_000, f"expression too large: `{'a' * 70_000}`"),
        (LETTERS * 9, f"expression too large: `{LETTERS * 9}`"),
    ],
    ids=lambda text: text[:16],
)
def test_what_go_does_not_take(pattern: str, said: str) -> None:
    with pytest.raises(PatternError) as refusal:
        go_pattern(pattern)
    assert str(refusal.value) == f"error parsing regexp: {said}"


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|aa)+$", "(x+x+)+y", "^(a?){100}a{100}$", "(.*a.*){0,300}b$"]
)
def test_no_pattern_tries_a_text_over_and_over(pattern: str) -> None:
    """Backtracking would take longer than the world is old."""
    text = "a" * 50_000 + "x" * 50_000 + "!"
    assert not go_pattern(pattern).matches(text)
    assert go_pattern(pattern).find(text) == ""


@pytest.mark.parametrize(
    ("pattern", "text", "limit", "found"),
    [
        ("a*", "baaau", -1, ["", "aaa", ""]),
        ("é.", "éxéyz", -1, ["éx", "éy"]),
        ("é.", "éxéyz", 1, ["éx"]),
        ("é.", "éxéyz", 0, []),
        ("^a", "aaa", -1, ["a"]),
        ("b", "a", -1, []),
    ],
)
def test_parts_that_a_pattern_finds(pattern: str, text: str, limit: int, found: list[str]) -> None:
    assert go_pattern(pattern).find_all(text, limit) == found


@given(st.text(alphabet="ab()[]{}^$*+?|\\.-:=!<>QEdzP1", max_size=16))
def test_any_text_is_a_pattern_or_told_to_be_none(text: str) -> None:
    with contextlib.suppress(PatternError):
        go_pattern(text).find_all("abba")
