"""OpenAPI documents: version 3, a document a group and version, and version 2, one for all.

They are made from the structs when they are first asked for and kept until the table of kinds
changes. kubectl reads them to learn that the server validates fields (the `fieldValidation`
parameter of PATCH), for `explain`, and for the merge keys of `apply`.
"""

import hashlib
import operator
from threading import Lock
from typing import Any

import msgspec

from kernel.apiserver.discovery import infos_of
from kernel.apiserver.openapi.operations import paths_of
from kernel.apiserver.openapi.schemas import SchemaSet
from kernel.apiserver.openapi.swagger import swagger
from kernel.apiserver.openapi.swagger_protobuf import swagger_protobuf
from kernel.apiserver.served_kinds import Kinds
from kernel.apiserver.version import version_info
from kernel.objects.kind import KindInfo
from kernel.objects.meta import DeleteOptions, Status


class OpenApi:
    """The documents of one table of kinds, as bytes with their hashes; any thread may ask."""

    def __init__(self, kinds: Kinds):
        self._lock = Lock()
        self._kinds = kinds
        self._changes = -1
        self._documents: dict[str, bytes] = {}
        self._made_for: dict[str, list[KindInfo]] = {}
        self._kept: dict[str, bytes] = {}
        self._index = b""
        self._version_2 = b""
        self._version_2_protobuf = b""

    def index(self) -> bytes:
        """`/openapi/v3`: where the document of each group and version is."""
        with self._lock:
            self._refresh()
            if not self._index:
                paths = {
                    name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={content_hash(document)}"}
                    for name, document in self._all_documents().items()
                }
                self._index = msgspec.json.encode({"paths": paths})
            return self._index

    def document(self, name: str) -> bytes | None:
        """`/openapi/v3/NAME`, NAME being `api/v1` or `apis/GROUP/VERSION`."""
        with self._lock:
            self._refresh()
            return self._all_documents().get(name)

    def version_2(self) -> bytes:
        """`/openapi/v2` as JSON: everything in one document of version 2."""
        with self._lock:
            self._refresh()
            if not self._version_2:
                self._version_2 = msgspec.json.encode(self._swagger())
            return self._version_2

    def version_2_protobuf(self) -> bytes:
        """The same as protobuf."""
        with self._lock:
            self._refresh()
            if not self._version_2_protobuf:
                self._version_2_protobuf = swagger_protobuf(self._swagger())
            return self._version_2_protobuf

    def _swagger(self) -> dict[str, Any]:
        documents = (msgspec.json.decode(document) for document in self._all_documents().values())
        return swagger(documents, version=version_info().git_version)

    def _all_documents(self) -> dict[str, bytes]:
        if not self._documents:
            schemas = SchemaSet()
            made_for: dict[str, list[KindInfo]] = {}
            for group, versions in self._kinds.groups():
                for version in versions:
                    name = f"apis/{group}/{version}" if group else f"api/{version}"
                    made_for[name] = infos_of(self._kinds, group, version)
                    self._documents[name] = self._document_of(name, made_for[name], schemas)
            self._made_for, self._kept = made_for, {}
        return self._documents

    def _document_of(self, name: str, infos: list[KindInfo], schemas: SchemaSet) -> bytes:
        """The document, made anew only where a kind has changed, which then has another info."""
        before = self._made_for.get(name, [])
        same = len(before) == len(infos) and all(map(operator.is_, before, infos))
        if same and name in self._kept:
            return self._kept[name]
        return _version_3_document(self._kinds, infos[0].group, infos[0].version, schemas)

    def _refresh(self) -> None:
        if self._changes != self._kinds.changes:
            self._changes = self._kinds.changes
            self._kept = self._documents or self._kept
            self._documents = {}
            self._index = self._version_2 = self._version_2_protobuf = b""


def content_hash(document: bytes) -> str:
    """What an ETag and a URL's `hash` tell one state of a document from another by."""
    return hashlib.sha256(document).hexdigest()[:32].upper()


def _version_3_document(kinds: Kinds, group: str, version: str, schemas: SchemaSet) -> bytes:
    paths: dict[str, Any] = {}
    for info in infos_of(kinds, group, version):
        kind = kinds.by_plural(group, version, info.plural)
        assert kind is not None
        paths |= paths_of(kind, schemas)
    needed = schemas.needed_for(paths)
    for struct, of in ((DeleteOptions, (group, version)), (Status, ("", "v1"))):
        name = schemas.add(struct)
        if name in needed:
            own = {"group": of[0], "version": of[1], "kind": struct.__name__}
            needed[name] = needed[name] | {"x-kubernetes-group-version-kind": [own]}
    document = {
        "openapi": "3.0.0",
        "info": {"title": "podkernel", "version": version_info().git_version},
        "paths": paths,
        "components": {"schemas": needed, "securitySchemes": _SECURITY_SCHEMES},
        "security": [{"BearerToken": []}],
    }
    return msgspec.json.encode(document)


_SECURITY_SCHEMES = {
    "BearerToken": {
        "type": "apiKey",
        "in": "header",
        "name": "authorization",
        "description": "Bearer, and a token: that of the data directory, or a ServiceAccount's.",
    }
}
