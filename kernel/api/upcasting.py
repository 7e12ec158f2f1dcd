"""Objects that were stored by an older version of their kind, led up to what the kind is now.

A kind's keys have no version in them, so after `v1alpha1` has become `v1` the store still holds
objects that say `v1alpha1`. An upcaster makes a document of one version one of the next:

```python
@upcaster("example.dev/v1alpha1", "Website")
def pages_were_called_size(document: dict[str, Any]) -> dict[str, Any]:
    document["apiVersion"] = "example.dev/v1"
    document["spec"]["pages"] = document["spec"].pop("size")
    return document
```

They are applied one after the other whenever such an object is read: by get, list and watch, now
or as of a revision. The log itself stays as it is; an object takes its new form with its next
write.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from kernel.api.custom_resources.conversion import present_form
from kernel.api.errors import UnreadableObject
from kernel.api.stored import (
    Stored,
    StoredEvent,
    decoder_of,
    encode,
    is_stored_form,
    stored_head,
)
from kernel.objects.custom_object import CustomObject, wire_form
from kernel.objects.kind import Kind
from kernel.store.log import Item
from kernel.store.schema import Entry

logger = logging.getLogger("podkernel.api")

Document = dict[str, Any]
UpcastFunction = Callable[[Document], Document]

WARNINGS_REMEMBERED_MAX = 4096

_document_decoder = msgspec.json.Decoder(Document)


class Upcaster(msgspec.Struct, frozen=True):
    """Makes documents of one version of a kind documents of the next one."""

    api_version: str
    kind: str
    function: UpcastFunction

    def __call__(self, document: Document) -> Document:
        """Upcast one document directly, as a unit test does."""
        return self.function(document)


def upcaster(api_version: str, kind: str) -> Callable[[UpcastFunction], Upcaster]:
    """Have a function read what was stored as `kind` of `api_version`. It is given the document as
    plain values, its own to change, without resourceVersion, and answers one of a later
    `apiVersion`."""

    def decorate(function: UpcastFunction) -> Upcaster:
        return Upcaster(api_version, kind, function)

    return decorate


class Upcasters:
    """Reads stored bytes as objects of the kinds that there are now."""

    def __init__(self, upcasters: Iterable[Upcaster] = ()):
        self._upcasters: dict[tuple[str, str], Upcaster] = {}
        self._warned: set[tuple[str, int]] = set()
        for one in upcasters:
            self.add(one)

    def add(self, upcaster: Upcaster) -> None:
        """Use this one too. Raises ValueError where another one is for the same version."""
        version = (upcaster.api_version, upcaster.kind)
        if self._upcasters.setdefault(version, upcaster) is not upcaster:
            raise ValueError(f"{upcaster.kind} of {upcaster.api_version} has an upcaster already")

    def stored(self, kind: type[Kind], key: str, revision: int, data: bytes) -> Stored:
        """An object as the kind is now. Raises `UnreadableObject` where nothing leads there."""
        if revision < kind.form_since_revision or not is_stored_form(kind, data):
            data = self._upcast(kind, key, revision, data)
        return Stored(kind, key, revision, data)

    def stored_items(self, kind: type[Kind], items: Iterable[Item]) -> Iterator[Stored]:
        """Those of several objects that can be read; of the others a warning is logged."""
        head, since_revision = stored_head(kind), kind.form_since_revision
        for item in items:
            if item.revision >= since_revision and item.value.startswith(head):
                yield Stored(kind, item.key, item.revision, item.value)
                continue
            try:
                yield self.stored(kind, item.key, item.revision, item.value)
            except UnreadableObject as error:
                self.warn(error)

    def decoded(self, stored: Stored) -> Any | None:
        """The object, or None where it can't be read, of which a warning is logged."""
        try:
            return stored.decode()
        except UnreadableObject as error:
            self.warn(error)
            return None

    def warn(self, error: UnreadableObject) -> None:
        """Log that an object is left out, once for each state of it."""
        state = (error.key, error.revision)
        if state in self._warned:
            return
        if len(self._warned) >= WARNINGS_REMEMBERED_MAX:
            self._warned.clear()
        self._warned.add(state)
        logger.warning("left out: %s", error.message)

    def event(self, kind: type[Kind], entry: Entry) -> StoredEvent:
        """The watch event that an entry is. Raises `UnreadableObject`."""
        return StoredEvent.of_entry(
            entry, self.stored(kind, entry.key, entry.revision, entry.value)
        )

    def _upcast(self, kind: type[Kind], key: str, revision: int, data: bytes) -> bytes:
        version = ""
        try:
            document = _document_decoder.decode(data)
            if issubclass(kind, CustomObject):
                return wire_form(present_form(kind, document))
            version = _version_of(document)
            document = self._led_up(kind, document)
            obj = decoder_of(kind).decode(msgspec.json.encode(document))
        except Exception as error:  # an upcaster is a plugin's code: it may raise anything
            problem = str(error) or type(error).__name__
            raise UnreadableObject(key, revision, version, problem) from error
        return encode(obj)

    def _led_up(self, kind: type[Kind], document: Document) -> Document:
        """Apply upcasters until the document is of `kind`. Raises ValueError where none goes on."""
        wanted = f"{kind.info.api_version} {kind.info.kind}"
        passed: set[str] = set()
        while (version := _version_of(document)) != wanted:
            if version in passed:
                raise ValueError(f"upcasters lead back to {version}, not to {wanted}")
            passed.add(version)
            step = self._upcasters.get((document.get("apiVersion", ""), document.get("kind", "")))
            if step is None:
                raise ValueError(f"no upcaster leads from {version} to {wanted}")
            document = step.function(document)
        return document


def _version_of(document: Document) -> str:
    return f"{document.get('apiVersion', '')} {document.get('kind', '')}"
