"""The formats of texts and numbers that schemas may ask for; others are passed over.

Source: k8s.io/apiextensions-apiserver, pkg/apiserver/validation/formats.go, and
k8s.io/kube-openapi, pkg/validation/strfmt.
"""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from urllib.parse import urlsplit


def _matching(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII | re.IGNORECASE)
    return lambda text: compiled.fullmatch(text) is not None


def _parsed_by(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def is_valid(text: str) -> bool:
        try:
            parse(text)
        except (ValueError, binascii.Error):
            return False
        return True

    return is_valid


def _parse_request_uri(text: str) -> None:
    parts = urlsplit(text)
    if not (parts.scheme or text.startswith("/")) or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise ValueError(text)


def _parse_base64(text: str) -> None:
    if not text or len(text) % 4:
        raise ValueError(text)
    base64.b64decode(text, validate=True)


def _is_isbn_10(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"\d{9}[\dX]", digits, re.ASCII):
        return False
    values = [10 if digit == "X" else int(digit) for digit in digits]
    return sum(place * value for place, value in enumerate(values, 1)) % 11 == 0


def _is_isbn_13(text: str) -> bool:
    digits = re.sub(r"[\s-]", "", text)
    if not re.fullmatch(r"\d{13}", digits, re.ASCII):
        return False
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0


def _is_date(text: str) -> bool:
    return len(text) == 10 and _parsed_by(date.fromisoformat)(text)


_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII
)


def _is_date_time(text: str) -> bool:
    match = _RFC_3339.fullmatch(text)
    return match is not None and _parsed_by(datetime.fromisoformat)(match[1])


_DURATION = (
    r"[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+|0|"
    r"\d+\s*(?:d|h|min|m|s|ms|us|ns|days?|hours?|minutes?|seconds?|milli(?:second)?s?|"
    r"micro(?:second)?s?|nano(?:second)?s?|weeks?|w)"
)
_HEX = "[0-9a-f]"
_LABEL = r"[a-z0-9\u00a0-\uffff](?:[a-z0-9\u00a0-\uffff-]{0,62})"

TEXT_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "uri": _parsed_by(_parse_request_uri),
    "email": _matching(r"[^\s@<>,;]+@[^\s@<>,;]+"),
    "hostname": lambda text: len(text) <= 255 and _matching(rf"{_LABEL}(?:\.{_LABEL})*")(text),
    "ipv4": _parsed_by(ipaddress.IPv4Address),
    "ipv6": _parsed_by(ipaddress.IPv6Address),
    "cidr": lambda text: (
        "/" in text and _parsed_by(lambda part: ipaddress.ip_network(part, strict=False))(text)
    ),
    "mac": _matching(rf"{_HEX}{{2}}(?:([:-]){_HEX}{{2}})(?:\1{_HEX}{{2}}){{4}}(?:\1{_HEX}{{2}})*"),
    "uuid": _matching(rf"{_HEX}{{8}}-?{_HEX}{{4}}-?{_HEX}{{4}}-?{_HEX}{{4}}-?{_HEX}{{12}}"),
    "uuid3": _matching(rf"{_HEX}{{8}}-?{_HEX}{{4}}-?3{_HEX}{{3}}-?{_HEX}{{4}}-?{_HEX}{{12}}"),
    "uuid4": _matching(rf"{_HEX}{{8}}-?{_HEX}{{4}}-?4{_HEX}{{3}}-?[89ab]{_HEX}{{3}}-?{_HEX}{{12}}"),
    "uuid5": _matching(rf"{_HEX}{{8}}-?{_HEX}{{4}}-?5{_HEX}{{3}}-?[89ab]{_HEX}{{3}}-?{_HEX}{{12}}"),
    "bsonobjectid": _matching(rf"{_HEX}{{24}}"),
    "isbn": lambda text: _is_isbn_10(text) or _is_isbn_13(text),
    "isbn10": _is_isbn_10,
    "isbn13": _is_isbn_13,
    "creditcard": lambda text: _matching(
        r"(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}"
        r"|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})"
    )(re.sub(r"\D", "", text)),
    "ssn": _matching(r"\d{3}[- ]?\d{2}[- ]?\d{4}"),
    "hexcolor": _matching(rf"#?(?:{_HEX}{{3}}|{_HEX}{{6}})"),
    "rgbcolor": _matching(
        r"rgb\(\s*(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\s*,\s*){2}(?:25[0-5]|2[0-4]\d|1?\d?\d)\s*\)"
    ),
    "byte": _parsed_by(_parse_base64),
    "password": lambda text: True,
    "date": _is_date,
    "duration": _matching(_DURATION),
    "datetime": _is_date_time,
}
"""By name without hyphens."""

INTEGER_BITS = {"int32": 32, "int64": 64}


def is_known(format_: str, type_: str) -> bool:
    """Whether values of a type are held to a format."""
    if type_ in ("", "string"):
        return format_.replace("-", "") in TEXT_FORMATS
    if type_ == "integer":
        return format_ in INTEGER_BITS
    return type_ == "number" and format_ in ("float", "double")
