"""JSONSchemaProps: the schema of custom objects, OpenAPI version 3 with Kubernetes' extensions."""

from typing import Annotated, Any

import msgspec

from kernel.objects.struct import MergeKey, Struct
from kernel.objects.wire_types import Int64


def _named(name: str, default: Any = None) -> Any:
    """A field that keeps its name on the wire, with signs that Python names can't have."""
    if default == []:
        return msgspec.field(default_factory=list, name=name)
    return msgspec.field(default=default, name=name)


class ExternalDocumentation(Struct):
    """Where to read on."""

    description: str = ""
    """What is to be found there."""
    url: str = ""
    """Where it is."""


class ValidationRule(Struct):
    """One of x-kubernetes-validations: an expression in CEL that must hold of `self`.

    A rule that speaks of `oldSelf` is asked only where there is an old value, unless
    `optional_old_self` says that it can do without one. `reason` and `field_path` are what a
    failure is reported with; its message comes from `message_expression` where that yields one,
    else from `message`.
    """

    rule: str = ""
    """The expression, in CEL. Required."""
    message: str = ""
    """What a failure says; without it, the rule itself."""
    message_expression: str = ""
    """An expression whose text a failure says; it may use what the rule may use."""
    reason: str | None = None
    """What kind of failure it is. One of: FieldValueInvalid, FieldValueForbidden,
    FieldValueRequired, FieldValueDuplicate. Default: FieldValueInvalid."""
    field_path: str = ""
    """The field that a failure is about, from the schema on: `.spec.replicas`."""
    optional_old_self: bool | None = None
    """Whether the rule is asked also where there is no old value; `oldSelf` is an optional value
    then."""


class JSONSchemaProps(Struct):
    """What a value must be. Fields of JSON Schema that structural schemas don't know are there to
    be refused."""

    id: str = ""
    """Not allowed in structural schemas."""
    schema: str = _named("$schema", "")
    """Which JSON Schema this follows."""
    ref: str | None = _named("$ref")
    """Not allowed in structural schemas."""
    description: str = ""
    """What the value is for, as `kubectl explain` shows it."""
    type: str = ""
    """What the value is: object, array, string, integer, number or boolean."""
    format: str = ""
    """What form a text or a number has, such as date-time or int32; unknown ones are passed
    over."""
    title: str = ""
    """A short name."""
    default: Any = None
    """What the value is where it is left out."""
    maximum: int | float | None = None
    """The greatest number."""
    exclusive_maximum: bool = False
    """Whether the number must be less than the maximum."""
    minimum: int | float | None = None
    """The least number."""
    exclusive_minimum: bool = False
    """Whether the number must be greater than the minimum."""
    max_length: Int64 | None = None
    """The most characters of a text."""
    min_length: Int64 | None = None
    """The fewest characters of a text."""
    pattern: str = ""
    """A regular expression that must match somewhere in a text."""
    max_items: Int64 | None = None
    """The most items of a list."""
    min_items: Int64 | None = None
    """The fewest items of a list."""
    unique_items: bool = False
    """Not allowed to be true: `x-kubernetes-list-type: set` says the same."""
    multiple_of: int | float | None = None
    """A number of which the value must be a multiple."""
    enum: list[Any] = []
    """The values that are allowed."""
    max_properties: Int64 | None = None
    """The most fields of an object."""
    min_properties: Int64 | None = None
    """The fewest fields of an object."""
    required: list[str] = []
    """The fields that must be there."""
    items: "JSONSchemaProps | list[JSONSchemaProps] | None" = None
    """What the items of a list must be."""
    all_of: "list[JSONSchemaProps]" = []
    """Schemas that must all hold."""
    one_of: "list[JSONSchemaProps]" = []
    """Schemas of which exactly one must hold."""
    any_of: "list[JSONSchemaProps]" = []
    """Schemas of which at least one must hold."""
    not_: "JSONSchemaProps | None" = None
    """A schema that must not hold."""
    properties: "dict[str, JSONSchemaProps]" = {}
    """What an object's fields must be, by name."""
    additional_properties: "JSONSchemaProps | bool | None" = None
    """What a map's values must be, under whatever keys."""
    pattern_properties: "dict[str, JSONSchemaProps]" = {}
    """Not allowed in structural schemas."""
    dependencies: "dict[str, JSONSchemaProps | list[str]]" = {}
    """Not allowed in structural schemas."""
    additional_items: "JSONSchemaProps | bool | None" = None
    """Not allowed in structural schemas."""
    definitions: "dict[str, JSONSchemaProps]" = {}
    """Not allowed in structural schemas."""
    external_docs: ExternalDocumentation | None = None
    """Where to read on."""
    example: Any = None
    """A value that would do."""
    nullable: bool = False
    """Whether null is allowed too."""
    preserve_unknown_fields: bool | None = _named("x-kubernetes-preserve-unknown-fields")
    """Whether fields that are not among the properties are kept rather than dropped."""
    embedded_resource: bool = _named("x-kubernetes-embedded-resource", False)
    """Whether the value is an object of a kind: then it has apiVersion, kind and metadata."""
    int_or_string: bool = _named("x-kubernetes-int-or-string", False)
    """Whether the value is a whole number or a text."""
    list_map_keys: list[str] = _named("x-kubernetes-list-map-keys", [])
    """The fields that tell the items of a list of the type map apart."""
    list_type: str | None = _named("x-kubernetes-list-type")
    """How lists are merged: atomic (as one value), set (of plain values) or map (by keys).
    Default: atomic."""
    map_type: str | None = _named("x-kubernetes-map-type")
    """How objects are merged: granular (field by field) or atomic (as one value). Default:
    granular."""
    validations: Annotated[list[ValidationRule], MergeKey("rule")] = _named(
        "x-kubernetes-validations", []
    )
    """Rules that the value must follow, in CEL."""

    @property
    def item(self) -> "JSONSchemaProps | None":
        """The schema of a list's items."""
        return self.items if isinstance(self.items, JSONSchemaProps) else None

    @property
    def value(self) -> "JSONSchemaProps | None":
        """The schema of a map's values."""
        values = self.additional_properties
        return values if isinstance(values, JSONSchemaProps) else None

    @property
    def allows_any_property(self) -> bool:
        """Whether it is a map, of whatever values."""
        return self.additional_properties not in (None, False)

    def has_rules(self) -> bool:
        """Whether anything in it must follow rules in CEL."""
        parts = [self.item, self.value, *self.properties.values()]
        return bool(self.validations) or any(part.has_rules() for part in parts if part)

    def of_field(self, name: str) -> "JSONSchemaProps | None":
        """The schema of an object's field, or of a map's value under a key."""
        return self.properties.get(name) or self.value
