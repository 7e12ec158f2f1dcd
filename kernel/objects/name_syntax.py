"""The forms that names, label keys and values must have, and Kubernetes' words for refusing them.

Each `…_errors` function answers what is wrong with a text; an empty list means nothing is.
Source of the rules: k8s.io/apimachinery, util/validation and api/validate/content.
"""

import re
from functools import lru_cache

LABEL_LENGTH_MAX = 63
SUBDOMAIN_LENGTH_MAX = 253
PORT_NAME_LENGTH_MAX = 15

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_SERVICE_NAME = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED_PART = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_QUALIFIED_PART})?"
_DATA_KEY = "[-._a-zA-Z0-9]+"
_HEADER_NAME = "[-A-Za-z0-9]+"

_PART_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
    " alphanumeric character"
)


def _matches(pattern: str, text: str) -> bool:
    """Whether the whole text has a form; remembered, as the same names come again and again."""
    return (_matches_short if len(text) <= SUBDOMAIN_LENGTH_MAX else _fits)(pattern, text)


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.ASCII) is not None


_matches_short = lru_cache(maxsize=4096)(_fits)


def _length_errors(text: str, length_max: int) -> list[str]:
    too_long = len(text.encode()) > length_max
    return [f"must be no more than {length_max} bytes"] if too_long else []


def _pattern_error(rule: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{rule} (e.g. {shown}regex used for validation is '{pattern}')"


def label_name_errors(text: str) -> list[str]:
    """An RFC 1123 label, as namespaces and containers are named: `my-name`."""
    errors = _length_errors(text, LABEL_LENGTH_MAX)
    if not _matches(_LABEL, text):
        if _matches(_SUBDOMAIN, text):
            return [*errors, "must not contain dots"]
        rule = (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or"
            " '-', and must start and end with an alphanumeric character"
        )
        errors.append(_pattern_error(rule, _LABEL, "my-name", "123-abc"))
    return errors


def subdomain_name_errors(text: str) -> list[str]:
    """An RFC 1123 subdomain, as most objects are named: `example.com`."""
    errors = _length_errors(text, SUBDOMAIN_LENGTH_MAX)
    if not _matches(_SUBDOMAIN, text):
        rule = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters,"
            " '-' or '.', and must start and end with an alphanumeric character"
        )
        errors.append(_pattern_error(rule, _SUBDOMAIN, "example.com"))
    return errors


def wildcard_name_errors(text: str) -> list[str]:
    """A subdomain with a star for its first label, as hosts of Ingresses are: `*.example.com`."""
    errors = _length_errors(text, SUBDOMAIN_LENGTH_MAX)
    if not _matches(_WILDCARD, text):
        rule = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain,"
            " which must consist of lower case alphanumeric characters, '-' or '.' and end with an"
            " alphanumeric character"
        )
        errors.append(_pattern_error(rule, _WILDCARD, "*.example.com"))
    return errors


def service_name_errors(text: str) -> list[str]:
    """An RFC 1035 label, as Services are named: it starts with a letter."""
    errors = _length_errors(text, LABEL_LENGTH_MAX)
    if not _matches(_SERVICE_NAME, text):
        rule = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start"
            " with an alphabetic character, and end with an alphanumeric character"
        )
        errors.append(_pattern_error(rule, _SERVICE_NAME, "my-name", "abc-123"))
    return errors


def path_segment_errors(text: str) -> list[str]:
    """What can stand in a URL's path, the least that any object's name must satisfy."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{sign}'" for sign in "/%" if sign in text]


def qualified_name_errors(text: str) -> list[str]:
    """A label's key, with or without a domain before it: `app`, `example.com/app`."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        pattern = _pattern_error(_PART_RULE, _QUALIFIED_PART, "MyName", "my.name", "123-abc")
        return [
            f"a valid label key {pattern} with an optional DNS subdomain prefix and '/'"
            " (e.g. 'example.com/MyName')"
        ]
    errors = []
    if slash and not prefix:
        errors.append("prefix part must be non-empty")
    elif slash:
        errors += [f"prefix part {error}" for error in subdomain_name_errors(prefix)]
    if not name:
        errors.append("name part must be non-empty")
    errors += [f"name part {error}" for error in _length_errors(name, LABEL_LENGTH_MAX)]
    if not _matches(_QUALIFIED_PART, name):
        pattern = _pattern_error(_PART_RULE, _QUALIFIED_PART, "MyName", "my.name", "123-abc")
        errors.append(f"name part {pattern}")
    return errors


def label_value_errors(text: str) -> list[str]:
    """A label's value; it may be empty."""
    errors = _length_errors(text, LABEL_LENGTH_MAX)
    if not _matches(_LABEL_VALUE, text):
        rule = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-',"
            " '_' or '.', and must start and end with an alphanumeric character"
        )
        errors.append(_pattern_error(rule, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return errors


def data_key_errors(text: str) -> list[str]:
    """A key of a ConfigMap or Secret, which is also a file's name."""
    errors = _length_errors(text, SUBDOMAIN_LENGTH_MAX)
    if not _matches(_DATA_KEY, text):
        rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        errors.append(_pattern_error(rule, _DATA_KEY, "key.name", "KEY_NAME", "key-name"))
    if text in (".", ".."):
        errors.append(f"must not be '{text}'")
    elif text.startswith(".."):
        errors.append("must not start with '..'")
    return errors


def variable_name_errors(text: str) -> list[str]:
    """An environment variable's name."""
    if not text:
        return ["environment variable name must be non-empty"]
    if all(" " <= sign <= "~" and sign != "=" for sign in text):
        return []
    return [
        "a valid environment variable name must consist only of printable ASCII characters"
        " other than '='"
    ]


def header_name_errors(text: str) -> list[str]:
    """An HTTP header's name."""
    if _matches(_HEADER_NAME, text):
        return []
    rule = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [_pattern_error(rule, _HEADER_NAME, "X-Header-Name")]


def port_name_errors(text: str) -> list[str]:
    """A container port's name, an IANA service name: `http`, `web-1`."""
    errors = _length_errors(text, PORT_NAME_LENGTH_MAX)
    if not _matches("[-a-z0-9]+", text):
        errors.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        errors.append("must contain at least one letter (a-z)")
    if "--" in text:
        errors.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        errors.append("must not begin or end with a hyphen")
    return errors


def port_number_errors(port: int) -> list[str]:
    """A TCP, UDP or SCTP port."""
    return [] if 1 <= port <= 65535 else ["must be between 1 and 65535, inclusive"]
