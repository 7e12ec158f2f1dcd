from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.objects.quantity import (
    Quantity,
    QuantityError,
    canonical_quantity,
    compare_quantities,
    format_binary,
    format_decimal,
    parse_quantity,
    to_integer,
    to_milli,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", Fraction(0)),
        ("1", Fraction(1)),
        ("500m", Fraction(1, 2)),
        ("1Ki", Fraction(1024)),
        ("1Gi", Fraction(2**30)),
        ("1k", Fraction(1000)),
        ("1.5Gi", Fraction(3 * 2**29)),
        (".5", Fraction(1, 2)),
        ("5.", Fraction(5)),
        ("1e3", Fraction(1000)),
        ("1E3", Fraction(1000)),
        ("1E", Fraction(10**18)),
        ("12e-1", Fraction(6, 5)),
        ("-1.5", Fraction(-3, 2)),
        ("+2", Fraction(2)),
        ("1n", Fraction(1, 10**9)),
        ("0.1n", Fraction(1, 10**9)),
        ("1e-999999999", Fraction(1, 10**9)),
        ("1e999999999", Fraction(2**63 - 1)),
        ("100E", Fraction(2**63 - 1)),
    ],
)
def test_parse(text: str, value: Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "m", "1 Gi", "1gi", "1KI", "1e", "1.2.3", "--1", "1i", "0x10", "1_000", "١", "1" * 300],
)
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(QuantityError):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("1000Ki", "1000Ki"),
        ("1024", "1024"),
        ("1000", "1k"),
        ("0.5Gi", "512Mi"),
        ("512", "512"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("1500e3", "1500e3"),
        ("0", "0"),
        ("-0.5", "-500m"),
        ("1.2345", "1234500u"),
    ],
)
def test_canonical(text: str, form: str) -> None:
    assert canonical_quantity(text) == form


@given(st.text(alphabet="0159.+-eEKMGmnukTPi \n١", max_size=7))
def test_decoding_takes_what_parsing_takes(text: str) -> None:
    try:
        parse_quantity(text)
        expected = True
    except QuantityError:
        expected = False
    try:
        msgspec.convert(text, Quantity)
        accepted = True
    except msgspec.ValidationError:
        accepted = False
    assert accepted is expected


def test_to_numbers_rounds_away_from_zero() -> None:
    assert to_integer("1500m") == 2
    assert to_integer("-1500m") == -2
    assert to_integer("1Gi") == 2**30
    assert to_milli("250m") == 250
    assert to_milli("2") == 2000
    assert to_milli("100u") == 1


def test_compare() -> None:
    assert compare_quantities("1Gi", "1G") == 1
    assert compare_quantities("0.1", "100m") == 0
    assert compare_quantities("999m", "1") == -1


@given(st.integers(-(2**63) + 1, 2**63 - 1))
def test_whole_numbers_survive_both_forms(number: int) -> None:
    assert parse_quantity(format_decimal(number)) == number
    assert parse_quantity(format_binary(number)) == number


@given(st.integers(-(10**15), 10**15))
def test_thousandths_survive_the_decimal_form(thousandths: int) -> None:
    value = Fraction(thousandths, 1000)
    text = format_decimal(value)
    assert parse_quantity(text) == value
    assert to_milli(text) == thousandths


@given(
    st.from_regex(
        r"[+-]?[0-9]{1,12}(\.[0-9]{0,6})?([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,2})?",
        fullmatch=True,
    )
)
def test_the_canonical_form_keeps_the_value_and_is_its_own(text: str) -> None:
    form = canonical_quantity(text)
    assert parse_quantity(form) == parse_quantity(text)
    assert canonical_quantity(form) == form
