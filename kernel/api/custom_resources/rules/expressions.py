"""Expressions in CEL: compiled once, evaluated over plain values. The library loads with the first.

What the library does not have is refused when an expression is compiled, in the words of
Kubernetes: unknown functions and variables, and fields that a schema does not have (see `fields`).
"""

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from kernel.api.custom_resources.rules.functions import FUNCTIONS

REMEMBERED_MAX = 4096

# What `Program.functions` names beside calls: operators and the steps of macros.
_OPERATORS = re.compile(r"^[@_!-]|_$|^\?")
_BUILT_IN = frozenset(
    {
        *("size", "contains", "startsWith", "endsWith", "matches", "has", "type", "dyn"),
        *("string", "int", "uint", "double", "bytes", "duration", "timestamp"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
        *("of", "none", "ofNonZeroValue", "hasValue", "value", "orValue", "or"),
    }
)
_NAMESPACES = frozenset({"optional", "sets", "ip", "format", "strings"})
_TYPES = frozenset({"int", "uint", "double", "string", "bool", "bytes", "list", "map", "null_type"})
_MACRO = re.compile(
    r"\.\s*(?:all|exists|exists_one|existsOne|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,"
)


def _plain(name: str) -> str:
    """The name of a function without its namespace."""
    return name.rpartition(".")[2]


_ADDED = frozenset(map(_plain, FUNCTIONS))


class ExpressionError(ValueError):
    """The text is no expression, or names what there is not; or its evaluation has failed."""


class Expression:
    """A compiled expression over variables."""

    def __init__(self, text: str, program: Any, declared: frozenset[str]):
        self.text = text
        self._program = program
        self._declared = declared
        self._has_added_functions = any(_plain(one) in _ADDED for one in program.functions())

    @property
    def variables(self) -> frozenset[str]:
        """The variables that it names."""
        return frozenset(self._program.variables())

    def evaluate(self, variables: Mapping[str, Any]) -> Any:
        """Its value. Raises `ExpressionError`."""
        given = {name: variables.get(name) for name in self._declared}
        try:
            return self._program.execute(self._with_functions(given))
        except KeyError as error:
            raise ExpressionError(f"no such key: {error.args[0]}") from None
        except TypeError as error:
            raise ExpressionError(f"no such overload: {error}") from None
        except (ValueError, RuntimeError, IndexError, OverflowError, ZeroDivisionError) as error:
            raise ExpressionError(str(error)) from None

    def _with_functions(self, variables: Mapping[str, Any]) -> Any:
        """The variables, with our functions where one is called: these cost ten times as much."""
        if not self._has_added_functions:
            return variables
        context = _context()
        for name, value in variables.items():
            context.add_variable(name, value)
        return context


def optional(value: Any, *, is_there: bool) -> Any:
    """An optional value of CEL."""
    import cel

    return cel.OptionalValue.of(value) if is_there else cel.OptionalValue.none()


@lru_cache(REMEMBERED_MAX)
def compiled(text: str, variables: frozenset[str]) -> Expression:
    """The expression that a text stands for, over these variables. Raises `ExpressionError`."""
    import cel

    try:
        program = cel.compile(text)
    except ValueError as error:
        _, _, told = str(error).partition("': ")
        raise ExpressionError(f"compilation failed: {told or error}") from None
    bound = frozenset(_MACRO.findall(text))
    for name in program.variables():
        if name not in variables | bound | _NAMESPACES | _TYPES:
            raise _undeclared(text, name)
    for name in program.functions():
        if not _OPERATORS.search(name) and _plain(name) not in _ADDED | _BUILT_IN:
            raise _undeclared(text, name)
    return Expression(text, program, variables)


def _undeclared(text: str, name: str) -> ExpressionError:
    found = re.search(rf"\b{re.escape(name)}\b", text)
    return at(text, found.start() if found else 0, f"undeclared reference to '{name}'")


def at(text: str, position: int, problem: str) -> ExpressionError:
    """A problem at a place of an expression, shown as CEL shows it."""
    lines = text[:position].split("\n")
    line, column = text.split("\n")[len(lines) - 1], len(lines[-1])
    return ExpressionError(
        f"compilation failed: ERROR: <input>:{len(lines)}:{column + 1}: {problem}\n"
        f" | {line}\n | {'.' * column}^"
    )


@cache
def _context() -> Any:
    import cel

    context = cel.Context()
    for name, function in FUNCTIONS.items():
        context.add_function(name, function)
    return context
