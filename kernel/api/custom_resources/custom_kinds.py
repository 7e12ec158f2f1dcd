"""The kinds of CustomResourceDefinitions in the table of kinds: served as soon as they are
established, and as long as their definition exists.

Definitions are followed in the log: they are read at the start, and each change is taken in before
the write that made it returns.
"""

from collections.abc import Callable

from kernel.api.client import WatchEventType
from kernel.api.custom_resources.establishment import ESTABLISHED, TakenNames, status_of
from kernel.clock import Clock, now_timestamp
from kernel.objects.custom_object import CustomObject, custom_kind, describe
from kernel.objects.custom_resource_definition import (
    CustomResourceDefinition,
    CustomResourceDefinitionStatus,
)
from kernel.objects.kind import version_priority
from kernel.objects.kinds import KindTable

_VersionKey = tuple[str, str, str]


class CustomKinds:
    """Keeps the kinds of all definitions in a table of kinds."""

    def __init__(self, kinds: KindTable, clock: Clock):
        self._kinds = kinds
        self._clock = clock
        self._definitions: dict[str, CustomResourceDefinition] = {}
        self._classes: dict[_VersionKey, type[CustomObject]] = {}
        self._served: dict[str, list[type[CustomObject]]] = {}
        self._listeners: list[Callable[[type[CustomObject]], None]] = []

    def when_gone(self, listener: Callable[[type[CustomObject]], None]) -> None:
        """Call `listener` with each kind that is served no more: its definition has gone, or does
        not serve its version. All changes of its objects have been published by then."""
        self._listeners.append(listener)

    def status_of(self, definition: CustomResourceDefinition) -> CustomResourceDefinitionStatus:
        """The status of a definition among all others as they are now."""
        return status_of(definition, self._taken(definition), now_timestamp(self._clock))

    def take_in(self, type: WatchEventType, definition: CustomResourceDefinition) -> None:
        """A definition has come, changed or gone."""
        name = definition.metadata.name
        served_before = self._served.pop(name, [])
        for kind in served_before:
            self._kinds.remove(kind)
        if type is WatchEventType.DELETED:
            self._definitions.pop(name, None)
        else:
            self._definitions[name] = definition
            if definition.has_condition(ESTABLISHED):
                self._served[name] = self._serve(definition)
        for kind in served_before:
            if kind not in self._kinds:
                for listener in self._listeners:
                    listener(kind)

    def _serve(self, definition: CustomResourceDefinition) -> list[type[CustomObject]]:
        served = []
        versions = [version for version in definition.spec.versions if version.served]
        for version in sorted(versions, key=lambda one: version_priority(one.name)):
            names = definition.status.accepted_names
            key = (definition.spec.group, version.name, names.plural)
            kind = self._classes.get(key)
            if kind is None or kind.info.kind != names.kind:
                kind = self._classes[key] = custom_kind(definition, version)
            else:
                describe(kind, definition, version)
            kind.form_since_revision = int(definition.metadata.resource_version)
            self._kinds.add(kind)
            served.append(kind)
        return served

    def _taken(self, definition: CustomResourceDefinition) -> TakenNames:
        """The names of all other kinds of the definition's group."""
        group, name = definition.spec.group, definition.metadata.name
        plurals: set[str] = set()
        kinds: set[str] = set()
        for kind in self._kinds:
            if kind.info.group == group and not issubclass(kind, CustomObject):
                plurals |= {kind.info.plural, kind.info.singular, *kind.info.short_names}
                kinds |= {kind.info.kind, kind.info.list_kind}
        for other in self._definitions.values():
            if other.spec.group == group and other.metadata.name != name:
                names = other.status.accepted_names
                plurals |= {names.plural, names.singular, *names.short_names}
                kinds |= {names.kind, names.list_kind}
        return TakenNames(plurals, kinds)
