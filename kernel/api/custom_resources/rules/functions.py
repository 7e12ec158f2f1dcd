"""The functions that Kubernetes adds to CEL ("Kubernetes CEL libraries" in its documentation).

The first argument is what a function is called on. URLs, quantities, addresses and networks, which
are types of their own in Kubernetes, are maps with one odd key here.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kernel.api.custom_resources.formats import TEXT_FORMATS
from kernel.api.custom_resources.go_patterns import go_pattern
from kernel.objects.name_syntax import (
    label_name_errors,
    label_value_errors,
    qualified_name_errors,
    service_name_errors,
    subdomain_name_errors,
)
from kernel.objects.quantity import QuantityError, parse_quantity

_URL, _QUANTITY, _IP, _CIDR, _FORMAT = "@url", "@quantity", "@ip", "@cidr", "@format"


def _is_sorted(values: Any) -> bool:
    return all(left <= right for left, right in pairwise(values))


def _index_of(value: Any, wanted: Any, start: int = 0) -> int:
    if isinstance(value, str):
        return value.find(wanted, start)
    return next((index for index, item in enumerate(value) if item == wanted), -1)


def _last_index_of(value: Any, wanted: Any) -> int:
    if isinstance(value, str):
        return value.rfind(wanted)
    return max((index for index, item in enumerate(value) if item == wanted), default=-1)


def _find_all(text: str, pattern: str, limit: int = -1) -> list[str]:
    return go_pattern(pattern).find_all(text, limit)


def _find(text: str, pattern: str) -> str:
    return go_pattern(pattern).find(text)


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        return list(text)
    return text.split(separator, limit - 1 if limit > 0 else -1)


def _replace(text: str, old: str, new: str, limit: int = -1) -> str:
    return text.replace(old, new, limit)


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise ValueError(f"index out of range: {start}")
    return text[start:stop]


def _char_at(text: str, index: int) -> str:
    if not 0 <= index <= len(text):
        raise ValueError(f"index out of range: {index}")
    return text[index : index + 1]


def _lower_ascii(text: str) -> str:
    return re.sub("[A-Z]+", lambda match: match[0].lower(), text)


def _upper_ascii(text: str) -> str:
    return re.sub("[a-z]+", lambda match: match[0].upper(), text)


def _sum(values: Any) -> Any:
    return sum(values)


def _parse_url(text: str) -> Any:
    parts = urlsplit(text)
    if not (parts.scheme or text.startswith("/")) or re.search(r"\s", text):
        raise ValueError(f"URL parse error during conversion from string: {text}")
    return parts


def _url(text: str) -> dict[str, str]:
    _parse_url(text)
    return {_URL: text}


def _part_of_url(part: str) -> Callable[[Any], Any]:
    return lambda url: getattr(_parse_url(url[_URL]), part) or ""


def _url_port(url: Any) -> str:
    port = _parse_url(url[_URL]).port
    return "" if port is None else str(port)


def _url_query(url: Any) -> dict[str, list[str]]:
    return parse_qs(_parse_url(url[_URL]).query, keep_blank_values=True)


def _succeeds(parse: Callable[[Any], Any]) -> Callable[[Any], bool]:
    def is_valid(text: Any) -> bool:
        try:
            parse(text)
        except (ValueError, QuantityError):
            return False
        return True

    return is_valid


def _quantity(text: str) -> dict[str, str]:
    parse_quantity(text)
    return {_QUANTITY: text}


def _number(value: Any) -> Fraction:
    return parse_quantity(value[_QUANTITY]) if isinstance(value, dict) else Fraction(value)


def _of_number(number: Fraction) -> dict[str, str]:
    return {_QUANTITY: format(Decimal(number.numerator) / number.denominator, "f")}


def _as_integer(quantity: Any) -> int:
    number = _number(quantity)
    if number.denominator != 1:
        raise ValueError("cannot convert value to integer")
    return int(number)


def _compare(left: Any, right: Any) -> int:
    one, other = _number(left), _number(right)
    return (one > other) - (one < other)


def _sign(quantity: Any) -> int:
    return _compare(quantity, 0)


def _ip(value: Any) -> Any:
    """The address that a text is, or that a network begins with."""
    if isinstance(value, dict):
        return {_IP: value[_CIDR].partition("/")[0]}
    ipaddress.ip_address(value)
    return {_IP: value}


def _address(value: Any) -> Any:
    return ipaddress.ip_address(value[_IP] if isinstance(value, dict) else value)


def _cidr(text: str) -> dict[str, str]:
    if "/" not in text:
        raise ValueError(f"network address parse error during conversion from string: {text}")
    ipaddress.ip_interface(text)
    return {_CIDR: text}


def _network(value: Any) -> Any:
    return ipaddress.ip_network(value[_CIDR] if isinstance(value, dict) else value, strict=False)


def _contains_network(outer: Any, inner: Any) -> bool:
    one, other = _network(outer), _network(inner)
    return one.version == other.version and bool(other.subnet_of(one))


def _of_address(name: str) -> Callable[[Any], bool]:
    return lambda value: bool(getattr(_address(value), name))


def _format(name: str) -> Callable[[], dict[str, str]]:
    return lambda: {_FORMAT: name}


def _validate(format_: Any, value: str) -> Any:
    """What is wrong with a text of a format, as an optional list."""
    import cel

    errors = _FORMATS[format_[_FORMAT]](value)
    return cel.OptionalValue.of(errors) if errors else cel.OptionalValue.none()


def _errors_of_text_format(name: str) -> Callable[[str], list[str]]:
    is_valid = TEXT_FORMATS[name]
    return lambda text: [] if is_valid(text) else [f"does not match the format {name}"]


_FORMATS: Mapping[str, Callable[[str], list[str]]] = {
    "dns1123Label": label_name_errors,
    "dns1123Subdomain": subdomain_name_errors,
    "dns1035Label": service_name_errors,
    "qualifiedName": qualified_name_errors,
    "labelValue": label_value_errors,
    **{name: _errors_of_text_format(name) for name in ("uri", "uuid", "byte", "date", "datetime")},
}

FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    # lists
    "isSorted": _is_sorted,
    "sum": _sum,
    "min": min,
    "max": max,
    "indexOf": _index_of,
    "lastIndexOf": _last_index_of,
    "sets.contains": lambda values, wanted: all(item in values for item in wanted),
    "sets.intersects": lambda values, others: any(item in values for item in others),
    "sets.equivalent": lambda values, others: (
        all(item in values for item in others) and all(item in others for item in values)
    ),
    # texts
    "find": _find,
    "findAll": _find_all,
    "split": _split,
    "join": lambda texts, separator="": separator.join(texts),
    "replace": _replace,
    "substring": _substring,
    "charAt": _char_at,
    "trim": str.strip,
    "lowerAscii": _lower_ascii,
    "upperAscii": _upper_ascii,
    "reverse": lambda value: value[::-1],
    # URLs
    "url": _url,
    "isURL": _succeeds(_url),
    "getScheme": _part_of_url("scheme"),
    "getHost": _part_of_url("netloc"),
    "getHostname": _part_of_url("hostname"),
    "getPort": _url_port,
    "getEscapedPath": _part_of_url("path"),
    "getQuery": _url_query,
    # quantities
    "quantity": _quantity,
    "isQuantity": _succeeds(_quantity),
    "sign": _sign,
    "isInteger": _succeeds(_as_integer),
    "asInteger": _as_integer,
    "asApproximateFloat": lambda quantity: float(_number(quantity)),
    "add": lambda left, right: _of_number(_number(left) + _number(right)),
    "sub": lambda left, right: _of_number(_number(left) - _number(right)),
    "isLessThan": lambda left, right: _compare(left, right) < 0,
    "isGreaterThan": lambda left, right: _compare(left, right) > 0,
    "compareTo": _compare,
    # formats
    **{f"format.{name}": _format(name) for name in _FORMATS},
    "validate": _validate,
    # addresses
    "ip": _ip,
    "isIP": _succeeds(_ip),
    "ip.isCanonical": lambda text: str(ipaddress.ip_address(text)) == text,
    "family": lambda value: _address(value).version,
    "isUnspecified": _of_address("is_unspecified"),
    "isLoopback": _of_address("is_loopback"),
    "isLinkLocalUnicast": _of_address("is_link_local"),
    "isGlobalUnicast": lambda value: (
        not (
            _address(value).is_multicast
            or _address(value).is_loopback
            or _address(value).is_unspecified
            or _address(value).is_link_local
        )
    ),
    "cidr": _cidr,
    "isCIDR": _succeeds(_cidr),
    "containsIP": lambda network, value: _address(value) in _network(network),
    "containsCIDR": _contains_network,
    "masked": lambda network: {_CIDR: str(_network(network))},
    "prefixLength": lambda network: _network(network).prefixlen,
}
