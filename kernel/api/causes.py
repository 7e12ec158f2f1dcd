"""Collects what is wrong with an object, field by field, in Kubernetes' words.

Source of the words and reasons: k8s.io/apimachinery, util/validation/field.
"""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from kernel.objects.meta import StatusCause


class Causes:
    """`found` holds the causes in the order in which they were reported.

    Paths are wire names: `spec.containers[0].name`.
    """

    def __init__(self) -> None:
        self.found: list[StatusCause] = []

    def required(self, path: str, detail: str = "") -> None:
        """The field must be there."""
        self._add("FieldValueRequired", path, "Required value", detail)

    def invalid(self, path: str, value: Any, *details: str) -> None:
        """The value breaks a rule: one cause for each of the details, none without any."""
        for detail in details:
            self._add("FieldValueInvalid", path, f"Invalid value: {_shown(value)}", detail)

    def unsupported(self, path: str, value: Any, supported: Iterable[str]) -> None:
        """The value is none of the `supported` ones."""
        listed = ", ".join(_shown(choice) for choice in supported)
        words = f"Unsupported value: {_shown(value)}"
        self._add("FieldValueNotSupported", path, words, f"supported values: {listed}")

    def duplicate(self, path: str, value: Any) -> None:
        """The value must be unique and is not."""
        self._add("FieldValueDuplicate", path, f"Duplicate value: {_shown(value)}")

    def not_found(self, path: str, value: Any) -> None:
        """The value refers to something that is not there."""
        self._add("FieldValueNotFound", path, f"Not found: {_shown(value)}")

    def forbidden(self, path: str, detail: str) -> None:
        """The field must not be set, or not be changed."""
        self._add("FieldValueForbidden", path, "Forbidden", detail)

    def too_long(self, path: str, size_bytes_max: int) -> None:
        """The value is too large."""
        detail = f"may not be more than {size_bytes_max} bytes"
        self._add("FieldValueTooLong", path, "Too long", detail)

    def too_many(self, path: str, number: int, number_max: int) -> None:
        """The list has too many items."""
        words, items = f"Too many: {number}", "item" if number_max == 1 else "items"
        self._add("FieldValueTooMany", path, words, f"must have at most {number_max} {items}")

    def of_wrong_type(self, path: str, value: Any, detail: str) -> None:
        """The value is not even of the right type, or form."""
        self._add("FieldValueTypeInvalid", path, f"Invalid value: {_shown(value)}", detail)

    def at_least(self, path: str, value: int, least: int) -> None:
        """Reports a number that is less than `least`."""
        if value < least:
            self.invalid(path, value, f"must be greater than or equal to {least}")

    def one_of(self, path: str, value: str, supported: Iterable[str]) -> None:
        """Reports a value that is empty, or none of the `supported` ones."""
        if not value:
            self.required(path)
        elif value not in supported:
            self.unsupported(path, value, supported)

    def _add(self, reason: str, path: str, words: str, detail: str = "") -> None:
        message = f"{words}: {detail}" if detail else words
        self.found.append(StatusCause(reason=reason, message=message, field=path))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return msgspec.json.encode(value).decode()
