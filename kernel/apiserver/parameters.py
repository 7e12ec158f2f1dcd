"""The query of a request: its parameters, and those of them that every verb knows."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from kernel.api.errors import BadRequest
from kernel.api.field_validation import FieldValidation

TRUE_WORDS = {"", "1", "t", "T", "true", "TRUE", "True"}
FALSE_WORDS = {"0", "f", "F", "false", "FALSE", "False"}
_DIGITS_MAX = 19  # of a number of 64 bits; Python refuses to read very long ones


class Parameters:
    """Query parameters; the accessors raise `BadRequest` for values that make no sense."""

    def __init__(self, query: str):
        self._values: dict[str, list[str]] = {}
        if query:
            for name, value in parse_qsl(query, keep_blank_values=True):
                self._values.setdefault(name, []).append(value)

    def text(self, name: str, default: str = "") -> str:
        """The first value of that name."""
        values = self._values.get(name)
        return values[0] if values else default

    def texts(self, name: str) -> list[str]:
        """All values of that name, in their order."""
        return self._values.get(name, [])

    def rename_fields(self, names: Mapping[str, str]) -> None:
        """Have the field selector name fields by other names: those that start with a key of
        `names` and end there, or go on with a dot."""
        selectors = self._values.get("fieldSelector", [])
        for place, selector in enumerate(selectors):
            clauses = []
            for clause in selector.split(","):
                first = re.split(r"[.!=]", clause.strip(), maxsplit=1)[0]
                clauses.append(clause.strip().replace(first, names.get(first, first), 1))
            selectors[place] = ",".join(clauses)

    def flag(self, name: str, default: bool = False) -> bool:
        """A boolean in any of Go's spellings; a name without a value is true."""
        values = self._values.get(name)
        if not values:
            return default
        if values[0] in TRUE_WORDS:
            return True
        if values[0] in FALSE_WORDS:
            return False
        raise BadRequest(
            f'invalid value for query parameter {name}: "{values[0]}" is not a boolean'
        )

    def whole_number(self, name: str) -> int | None:
        """A whole number that is not negative, None where it is not given."""
        text = self.text(name)
        if not text:
            return None
        if not is_whole_number(text):
            raise BadRequest(
                f'invalid value for query parameter {name}: "{text}" is not a whole number'
            )
        return int(text)

    @property
    def dry_run(self) -> bool:
        """Whether everything but the writing is to be done."""
        values = self._values.get("dryRun")
        if not values:
            return False
        if values != ["All"]:
            listed = ", ".join(f'"{value}"' for value in values)
            raise BadRequest(f'dryRun: Unsupported value: {listed}: supported values: "All"')
        return True

    @property
    def field_validation(self) -> FieldValidation:
        """What to do about unknown and duplicate fields."""
        match self.text("fieldValidation") or "Warn":
            case "Strict" | "Warn" | "Ignore" as mode:
                return mode
            case mode:
                raise BadRequest(
                    f'fieldValidation: Unsupported value: "{mode}": supported values: "Ignore", '
                    '"Strict", "Warn"'
                )


def is_whole_number(text: str) -> bool:
    """Whether a text is a whole number that is not negative, of no more than 64 bits."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX
