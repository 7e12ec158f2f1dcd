"""Regular expressions as Go reads them, run by RE2: no pattern makes it try a text over again.

Go's syntax is RE2's. Patterns are searched for in Unicode text, anywhere in it; what can't be
matched in time linear in the text (look-arounds, back-references) is refused.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import islice
from typing import Any

REMEMBERED_MAX = 1024
"""How many compiled patterns are kept; the automaton of each may grow to RE2's limit of 8 MiB."""
PATTERN_LENGTH_MAX = 65_536
"""In characters; of much longer ones RE2 gives up the analysis half-way, and says so on stderr."""

_GO_WORDS = {
    "bad repetition operator": "invalid nested repetition operator",
    "invalid named capture group": "invalid named capture",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid repetition size": "invalid repeat count",
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
    "trailing \\": "trailing backslash at end of expression",
}
_TOO_LARGE = "pattern too large"

# A quoted part, or an escape with what it escapes.
_ESCAPE = re.compile(r"\\Q.*?(?:\\E|\Z)|\\(.)", re.DOTALL)


class PatternError(ValueError):
    """The text is no regular expression of Go's; it says so as Go does."""


class GoPattern:
    """A compiled pattern."""

    def __init__(self, compiled: Any):
        self._compiled = compiled

    def matches(self, text: str) -> bool:
        """Whether some part of a text is what the pattern says."""
        return self._compiled.search(text) is not None

    def find(self, text: str) -> str:
        """The leftmost part of a text that the pattern matches; empty where there is none."""
        return next(self._found(text), "")

    def find_all(self, text: str, limit: int = -1) -> list[str]:
        """The parts that the pattern matches one after the other, at most `limit` where that is
        not negative."""
        return list(islice(self._found(text), limit if limit >= 0 else None))

    def _found(self, text: str) -> Iterator[str]:
        end = -1
        for match in self._compiled.finditer(text):
            if match.end() != end:  # Go passes over an empty match right behind another
                yield match[0]
            end = match.end()


@lru_cache(REMEMBERED_MAX)
def go_pattern(text: str) -> GoPattern:
    """The pattern that a text stands for. Raises `PatternError`."""
    import re2

    if len(text) > PATTERN_LENGTH_MAX:
        raise PatternError(_as_go_says(_TOO_LARGE, text))
    if any(escape[1] == "C" for escape in _ESCAPE.finditer(text)):
        # One byte, to RE2: Go has no such thing.
        raise PatternError("error parsing regexp: invalid escape sequence: `\\C`")
    try:
        return GoPattern(re2.compile(text, _options()))
    except re2.error as error:
        raise PatternError(_as_go_says(error.args[0].decode(), text)) from None


@cache
def _options() -> Any:
    import re2

    options = re2.Options()
    options.never_capture = True  # only a search for groups may take RE2 off its fast automaton
    options.log_errors = False
    return options


def _as_go_says(said: str, text: str) -> str:
    problem, _, part = said.partition(": ")
    if problem.startswith(_TOO_LARGE):
        problem, part = "expression too large", text
    return f"error parsing regexp: {_GO_WORDS.get(problem, problem)}: `{part}`"
