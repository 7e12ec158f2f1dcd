"""Objects whose kind is known at run time alone: plain values that follow a definition's schema.

The kind of a CustomResourceDefinition's objects is a class like any other, made by `custom_kind`,
one for each version. When the definition changes the class stays and what it says of its kind is
replaced, so whoever watches the kind or has its class goes on as before.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from kernel.objects.custom_resource_definition import (
    CustomResourceDefinition,
    CustomResourceDefinitionVersion,
)
from kernel.objects.json_schema import JSONSchemaProps
from kernel.objects.kind import Kind, KindInfo, KindMeta, version_priority
from kernel.objects.meta import ObjectMeta

_ENVELOPE = ("apiVersion", "kind", "metadata")


class CustomObject(Kind):
    """An object of a custom kind: metadata, and all else as plain JSON values in `content`.

    `spec` and `status` are those members of `content`, None where they are not there.
    """

    version: ClassVar[CustomResourceDefinitionVersion]
    is_terminating: ClassVar[bool] = False
    has_rules: ClassVar[bool] = False

    content: dict[str, Any] = {}

    @property
    def spec(self) -> Any:
        return self.content.get("spec")

    @spec.setter
    def spec(self, value: Any) -> None:
        self._set("spec", value)

    @property
    def status(self) -> Any:
        return self.content.get("status")

    @status.setter
    def status(self, value: Any) -> None:
        self._set("status", value)

    def _set(self, name: str, value: Any) -> None:
        if value is None:
            self.content.pop(name, None)
        else:
            self.content[name] = value

    @classmethod
    def schema(cls) -> JSONSchemaProps:
        """What the objects' members must be."""
        validation = cls.version.schema
        return (validation and validation.open_api_v3_schema) or JSONSchemaProps()

    def document(self) -> dict[str, Any]:
        """The object as clients see it, its metadata still a struct."""
        envelope = {"apiVersion": self.api_version, "kind": self.kind, "metadata": self.metadata}
        return envelope | self.content

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> "CustomObject":
        """The object that plain values stand for, its members taken as they are. Raises
        `msgspec.ValidationError` for metadata that is none."""
        return cls(
            api_version=document.get("apiVersion") or cls.info.api_version,
            kind=document.get("kind") or cls.info.kind,
            metadata=msgspec.convert(document.get("metadata") or {}, ObjectMeta),
            content={name: part for name, part in document.items() if name not in _ENVELOPE},
        )


class CustomDecoder:
    """Reads objects of one custom kind from JSON, as msgspec's decoders do those of structs."""

    def __init__(self, kind: type[CustomObject]):
        self._kind = kind

    def decode(self, data: bytes) -> CustomObject:
        """The object. Raises `msgspec.DecodeError`."""
        return self._kind.of_document(_documents.decode(data))


_documents = msgspec.json.Decoder(dict[str, Any])


def wire_form(obj: Kind) -> bytes:
    """An object of any kind as JSON, its metadata third."""
    if isinstance(obj, CustomObject):
        return msgspec.json.encode(obj.document())
    return msgspec.json.encode(obj)


def custom_kind(
    definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion
) -> type[CustomObject]:
    """A new class for the objects of a definition in one of its versions."""
    info = info_of(definition, version)
    made: type[CustomObject] = KindMeta(
        info.kind,
        (CustomObject,),
        {"__module__": info.group},
        group=info.group,
        version=info.version,
    )
    describe(made, definition, version)
    return made


def describe(
    kind: type[CustomObject],
    definition: CustomResourceDefinition,
    version: CustomResourceDefinitionVersion,
) -> None:
    """Have a class say of its kind what a definition says now."""
    kind.info = info_of(definition, version)
    kind.version = version
    kind.is_terminating = definition.metadata.deletion_timestamp is not None
    kind.has_rules = kind.schema().has_rules()
    kind.__doc__ = kind.schema().description


def info_of(
    definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion
) -> KindInfo:
    """How the API knows a definition's kind in one of its versions."""
    names, subresources = definition.status.accepted_names, version.subresources
    return KindInfo(
        group=definition.spec.group,
        version=version.name,
        kind=names.kind,
        plural=names.plural,
        singular=names.singular or names.kind.lower(),
        short_names=tuple(names.short_names),
        categories=tuple(names.categories),
        namespaced=definition.spec.scope == "Namespaced",
        has_status=subresources is not None and subresources.status is not None,
        has_generation=True,
        has_scale=subresources is not None and subresources.scale is not None,
        list_kind=names.list_kind,
        selectable_fields=tuple(field.json_path[1:] for field in version.selectable_fields),
        deprecation=_deprecation(definition, version) if version.deprecated else "",
    )


def _deprecation(
    definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion
) -> str:
    """What users of a deprecated version are warned of: where there is a better one, of that."""
    if version.deprecation_warning is not None:
        return version.deprecation_warning
    group, kind = definition.spec.group, definition.status.accepted_names.kind
    better = [
        other.name
        for other in definition.spec.versions
        if other.served
        and not other.deprecated
        and version_priority(other.name) < version_priority(version.name)
    ]
    told = f"{group}/{version.name} {kind} is deprecated"
    if better:
        told += f"; use {group}/{min(better, key=version_priority)} {kind}"
    return told
