"""Regular expressions as Go reads them (RE2), compiled for Python.

The two languages are nearly one. What differs and can be said is said anew: `$` and `\\z` are the
end of the text alone, classes such as `\\d` and `[[:alpha:]]` are ASCII. What RE2 refuses because
it can't be matched in linear time (look-arounds, back-references) is refused here too.
"""

import re
from functools import lru_cache

REMEMBERED_MAX = 4096

_REFUSED = re.compile(r"\(\?(?:[=!]|<[=!]|P=|>|\()|\\[1-9]|\\k<")
_POSIX_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": "\\x00-\\x7f",
    "blank": "\\t ",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|$)|\\.|\[:\^?[a-z]+:\]|\(\?<(?![=!])|\[\^?\]?|\]|\$|.", re.DOTALL
)


class PatternError(ValueError):
    """The text is no regular expression of Go's."""


@lru_cache(REMEMBERED_MAX)
def go_pattern(text: str) -> re.Pattern[str]:
    """The pattern that a text stands for. Raises `PatternError`."""
    refused = _REFUSED.search(_without_escaped_backslashes(text))
    if refused is not None:
        raise PatternError(f"invalid or unsupported Perl syntax: `{refused[0]}`")
    try:
        return re.compile(_translated(text), re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(str(error)) from None


def _without_escaped_backslashes(text: str) -> str:
    return text.replace("\\\\", "")


def _translated(text: str) -> str:
    parts = []
    in_class = False
    multiline = re.match(r"\(\?[a-zA-Z]*m", text) is not None
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token.startswith("\\Q"):
            parts.append(re.escape(token[2:].removesuffix("\\E")))
        elif token.startswith("[:") and in_class:
            parts.append(_posix_class(token))
        elif token.startswith("["):
            parts.append("\\[" if in_class else token)
            in_class = True
        elif token == "]" and in_class:
            parts.append(token)
            in_class = False
        elif (token == "$" and not in_class and not multiline) or token == "\\z":
            parts.append("\\Z")
        else:
            parts.append("(?P<" if token == "(?<" else token)
    return "".join(parts)


def _posix_class(token: str) -> str:
    name = token[2:-2]
    if name not in _POSIX_CLASSES:
        raise PatternError(f"invalid character class range: `{token}`")
    return _POSIX_CLASSES[name]
