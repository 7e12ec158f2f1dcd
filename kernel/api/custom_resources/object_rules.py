"""What the API fills in of custom objects, and what it refuses: as their schema says."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kernel.api.causes import Causes
from kernel.api.custom_resources.defaulting import defaulted
from kernel.api.custom_resources.value_validation import ABSENT, NO_PATH, check_value
from kernel.api.errors import BadRequest
from kernel.api.rules.by_kind import KindRules
from kernel.objects.custom_object import CustomObject
from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.kind import Kind

_UNCHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing"
    " errors to complete validation"
)


@contextmanager
def _depth_bounded() -> Iterator[None]:
    try:
        yield
    except RecursionError:
        raise BadRequest("the object is nested too deeply") from None


def default_object(obj: CustomObject) -> None:
    """Fill in the defaults of the schema."""
    with _depth_bounded():
        obj.content = defaulted(obj.content, obj.schema())


def check_object(obj: CustomObject, causes: Causes) -> None:
    """Report what the schema forbids of a new object."""
    with _depth_bounded():
        _check(obj, None, causes)


def check_object_update(obj: CustomObject, old: CustomObject, causes: Causes) -> None:
    """Report what the schema forbids of a change."""
    with _depth_bounded():
        _check(obj, old, causes)


def _check(obj: CustomObject, old: CustomObject | None, causes: Causes) -> None:
    schema = obj.schema()
    before: Any = ABSENT if old is None else _values(old)
    values = _values(obj)
    fitting = Causes()
    check_value(values, schema, "", fitting, before)
    causes.found += fitting.found
    if obj.has_rules:
        if fitting.found:
            causes.invalid(NO_PATH, "null", _UNCHECKED)
        else:
            _check_rules(values, schema, causes, before)


def _check_rules(
    values: dict[str, Any], schema: JSONSchemaProps, causes: Causes, before: Any
) -> None:
    from kernel.api.custom_resources.rules.checking import check_rules  # few kinds have any

    check_rules(values, schema, "", causes, before, is_root=True)


def _values(obj: CustomObject) -> dict[str, Any]:
    """All that a schema may speak of. The metadata is checked elsewhere; of it, a schema can speak
    of the name alone."""
    metadata = {"name": obj.metadata.name, "generateName": obj.metadata.generate_name}
    return {"apiVersion": obj.api_version, "kind": obj.kind, "metadata": metadata} | obj.content


RULES: dict[type[Kind], KindRules] = {
    CustomObject: KindRules(
        default=default_object, check_new=check_object, check_update=check_object_update
    )
}
