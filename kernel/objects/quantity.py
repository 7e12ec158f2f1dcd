"""Quantities of resources: `500m` of a cpu, `1Gi` of memory (k8s.io/apimachinery's resource).

On the wire and in structs a quantity is a string (`Quantity`); the functions here make exact
numbers of it. As in Kubernetes, nothing finer than a billionth is kept (rounded away from zero),
and nothing larger than 2^63-1.
"""

import re
from fractions import Fraction
from typing import Annotated

import msgspec

LENGTH_MAX = 256

_PATTERN = re.compile(
    r"(?P<sign>[+-]?)(?P<number>[0-9]+\.?[0-9]*|\.[0-9]+)"
    r"(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]+))?"
)
# For OpenAPI as well as for msgspec, so without named groups. The look-ahead keeps out a trailing
# newline, which Python's `$` would let pass.
_SCHEMA_PATTERN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$(?!\n)"

Quantity = Annotated[
    str,
    msgspec.Meta(pattern=_SCHEMA_PATTERN, max_length=LENGTH_MAX, extra={"format": "quantity"}),
]

_BINARY_SUFFIXES = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_DECIMAL_EXPONENTS = {
    "n": -9,
    "u": -6,
    "m": -3,
    "": 0,
    "k": 3,
    "M": 6,
    "G": 9,
    "T": 12,
    "P": 15,
    "E": 18,
}
_DECIMAL_SUFFIXES = {exponent: suffix for suffix, exponent in _DECIMAL_EXPONENTS.items()}
_NANO = 1_000_000_000
_MAXIMUM = Fraction(2**63 - 1)
# Beyond this a number is at its bounds anyway; the limit keeps `1e999999999` cheap.
_EXPONENT_MAX = 64


class QuantityError(ValueError):
    """The text is no quantity."""

    def __init__(self, text: str):
        super().__init__(
            f'"{text}" is no quantity: expected a number with an optional suffix'
            " (m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi, Ei) or exponent, such as 500m or 1Gi"
        )


def _match(text: str) -> re.Match[str]:
    match = _PATTERN.fullmatch(text) if len(text) <= LENGTH_MAX else None
    if match is None:
        raise QuantityError(text)
    return match


def _round_up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def _round_away(value: Fraction) -> int:
    return _round_up(value) if value >= 0 else -_round_up(-value)


def parse_quantity(text: str) -> Fraction:
    """The exact value of a quantity; raises `QuantityError`."""
    match = _match(text)
    value = Fraction(match["number"].rstrip("."))
    suffix, exponent = match["suffix"] or "", match["exponent"]
    if exponent is not None:
        power = max(-_EXPONENT_MAX, min(_EXPONENT_MAX, int(exponent)))
        value *= Fraction(10) ** power
    elif suffix in _DECIMAL_EXPONENTS:
        value *= Fraction(10) ** _DECIMAL_EXPONENTS[suffix]
    else:
        value *= 1024 ** _BINARY_SUFFIXES.index(suffix)
    value = min(Fraction(_round_up(value * _NANO), _NANO), _MAXIMUM)
    return -value if match["sign"] == "-" else value


def to_integer(text: str) -> int:
    """The value as a whole number (bytes, counts), rounded away from zero."""
    return _round_away(parse_quantity(text))


def to_milli(text: str) -> int:
    """The value in thousandths (millicores), rounded away from zero."""
    return _round_away(parse_quantity(text) * 1000)


def compare_quantities(left: str, right: str) -> int:
    """-1, 0 or 1 as `left` is less than, equal to or greater than `right`."""
    difference = parse_quantity(left) - parse_quantity(right)
    return (difference > 0) - (difference < 0)


def canonical_quantity(text: str) -> str:
    """The form that Kubernetes writes: `1000m` is `1`, `0.5` is `500m`, `1024Mi` is `1Gi`.

    The family of the suffix (binary, decimal, exponent) is kept where the value allows it.
    """
    match = _match(text)
    value = parse_quantity(text)
    if match["exponent"] is not None:
        return _format_decimal(value, exponent_form=True)
    if match["suffix"] in _BINARY_SUFFIXES[1:]:
        return format_binary(value)
    return format_decimal(value)


def format_decimal(value: Fraction | int) -> str:
    """`Fraction(1, 2)` → `500m`, 64000 → `64k`; the largest suffix that leaves a whole number."""
    return _format_decimal(Fraction(value), exponent_form=False)


def format_binary(value: Fraction | int) -> str:
    """2**30 → `1Gi`. Below 1024 and for broken numbers the decimal form is used."""
    value = Fraction(value)
    if value.denominator != 1 or abs(value) < 1024:
        return format_decimal(value)
    number, step = value.numerator, 0
    while step < len(_BINARY_SUFFIXES) - 1 and number % 1024 == 0:
        number, step = number // 1024, step + 1
    return f"{number}{_BINARY_SUFFIXES[step]}"


def _format_decimal(value: Fraction, *, exponent_form: bool) -> str:
    if value == 0:
        return "0"
    number, exponent = _round_away(value * _NANO), -9
    while exponent < 18 and number % 1000 == 0:
        number, exponent = number // 1000, exponent + 3
    if exponent_form:
        return f"{number}e{exponent}" if exponent else f"{number}"
    return f"{number}{_DECIMAL_SUFFIXES[exponent]}"
