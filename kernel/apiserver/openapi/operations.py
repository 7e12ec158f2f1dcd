"""The paths and operations of a kind, as an OpenAPI document lists them."""

from collections.abc import Sequence
from typing import Any

from kernel.apiserver.bodies import APPLY_TYPE
from kernel.apiserver.openapi import operation_parameters as parameters
from kernel.apiserver.openapi.operation_parameters import Parameter
from kernel.apiserver.openapi.schemas import SchemaSet, group_version_kind, reference_to
from kernel.apiserver.served_kinds import verbs_of
from kernel.apiserver.subresources import Subresource, subresources_of
from kernel.objects.authentication import TokenRequest
from kernel.objects.event import Binding
from kernel.objects.eviction import Eviction
from kernel.objects.kind import Kind, KindInfo
from kernel.objects.meta import DeleteOptions, ListMeta, Status
from kernel.objects.scale import Scale

Operation = dict[str, Any]

JSON = "application/json"
OBJECT_TYPES = (JSON, "application/yaml")
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY_TYPE,
)
_SENT_KINDS = {kind.info.kind: kind for kind in (Binding, Eviction, Scale, TokenRequest)}
_METHODS = {
    "get": "get",
    "list": "get",
    "create": "post",
    "update": "put",
    "patch": "patch",
    "delete": "delete",
    "deletecollection": "delete",
}
_ACTIONS = {"create": "post", "update": "put"}
_WORDS = {"get": "read", "update": "replace", "deletecollection": "delete"}
_PARAMETERS = {
    "get": parameters.GET,
    "list": parameters.LIST,
    "create": parameters.WRITE,
    "update": parameters.WRITE,
    "patch": parameters.PATCH,
    "delete": parameters.DELETE,
    "deletecollection": parameters.DELETE_COLLECTION,
}
_STATUS_CODES = {
    "create": ("200", "201", "202"),
    "update": ("200", "201"),
    "patch": ("200", "201"),
    "delete": ("200", "202"),
}
_DONE = {"200": "OK", "201": "Created", "202": "Accepted"}


def paths_of(kind: type[Kind], schemas: SchemaSet) -> dict[str, Any]:
    """The paths of a kind, whose schemas are added to those of the document."""
    return _Paths(kind, schemas).all()


class _Paths:
    def __init__(self, kind: type[Kind], schemas: SchemaSet):
        self._info = kind.info
        self._schemas = schemas
        self._object = reference_to(schemas.add(kind))
        self._status = reference_to(schemas.add(Status))
        self._options = reference_to(schemas.add(DeleteOptions))
        self._verbs = verbs_of(kind.info)
        self._list = reference_to(schemas.add_list(kind, ListMeta)) if "list" in self._verbs else {}

    def all(self) -> dict[str, Any]:
        info = self._info
        root = f"/apis/{info.group}/{info.version}" if info.group else f"/api/{info.version}"
        scope = f"{root}/namespaces/{{namespace}}" if info.namespaced else root
        shared = [parameters.NAMESPACE] if info.namespaced else []
        paths: dict[str, Any] = {}
        if info.namespaced and self._list:
            paths[f"{root}/{info.plural}"] = {"get": self._operation("list", everywhere=True)}
        self._put(paths, f"{scope}/{info.plural}", ("list", "create", "deletecollection"), shared)
        named = [*shared, parameters.NAME]
        one = f"{scope}/{info.plural}/{{name}}"
        self._put(paths, one, ("get", "update", "patch", "delete"), named)
        for subresource in subresources_of(info):
            paths[f"{one}/{subresource.name}"] = self._part(subresource) | {"parameters": named}
            if subresource.name == "proxy":
                below = self._part(subresource, "WithPath")
                paths[f"{one}/proxy/{{path}}"] = below | {"parameters": [*named, parameters.PATH]}
        return paths

    def _put(
        self, paths: dict[str, Any], path: str, verbs: Sequence[str], shared: list[Parameter]
    ) -> None:
        served = [verb for verb in verbs if verb in self._verbs]
        if served:
            operations = {_METHODS[verb]: self._operation(verb) for verb in served}
            paths[path] = operations | {"parameters": shared}

    def _operation(self, verb: str, *, everywhere: bool = False) -> Operation:
        answer = self._list if verb in ("list", "deletecollection") else self._object
        if verb == "delete":  # the object while it lingers, a Status once it is gone
            answer = {"anyOf": [self._status, self._object]}
        operation = _answering(answer, _STATUS_CODES.get(verb, ("200",)), self._status)
        operation |= {
            "operationId": self._identifier(verb, everywhere=everywhere),
            "description": _description(verb, self._info, everywhere=everywhere),
            "parameters": _PARAMETERS[verb],
            "x-kubernetes-action": _ACTIONS.get(verb, verb),
            "x-kubernetes-group-version-kind": group_version_kind(self._info),
            "tags": [_tag(self._info)],
        }
        body = self._body(verb, self._object)
        return operation | ({"requestBody": body} if body else {})

    def _body(self, verb: str, schema: dict[str, Any]) -> dict[str, Any] | None:
        if verb in ("create", "update"):
            return _request_body(schema, OBJECT_TYPES)
        if verb == "patch":
            return _request_body({"type": "object"}, PATCH_TYPES)
        if verb in ("delete", "deletecollection"):
            return _request_body(self._options, OBJECT_TYPES) | {"required": False}
        return None

    def _part(self, subresource: Subresource, end: str = "") -> dict[str, Any]:
        """The operations on a part of an object, or with what is sent there in another kind."""
        query = parameters.OF_CONNECTIONS.get(subresource.name)
        if query is not None:
            return {
                _METHODS[verb]: self._connection(verb, subresource, query, end)
                for verb in subresource.verbs
            }
        sent = _SENT_KINDS.get(subresource.kind)
        schema = reference_to(self._schemas.add(sent)) if sent else self._object
        return {
            _METHODS[verb]: self._of_part(verb, subresource, schema) for verb in subresource.verbs
        }

    def _of_part(self, verb: str, subresource: Subresource, schema: dict[str, Any]) -> Operation:
        answers = _SENT_KINDS.get(subresource.kind) in (Binding, Eviction)
        answer = self._status if answers else schema
        operation = _answering(answer, _STATUS_CODES.get(verb, ("200",)), self._status)
        operation |= {
            "operationId": self._identifier(verb, subresource.name),
            "description": _description(verb, self._info, subresource.name),
            "parameters": _PARAMETERS[verb],
            "x-kubernetes-action": _ACTIONS.get(verb, verb),
            "x-kubernetes-group-version-kind": _kind_of_part(self._info, subresource),
            "tags": [_tag(self._info)],
        }
        body = self._body(verb, schema)
        return operation | ({"requestBody": body} if body else {})

    def _connection(
        self, verb: str, subresource: Subresource, query: Sequence[Parameter], end: str
    ) -> Operation:
        """A conversation, or a text, that is asked for in the query alone."""
        is_log = subresource.name == "log"
        media_type = "text/plain" if is_log else "*/*"
        return {
            "operationId": self._identifier(verb, subresource.name, connects=not is_log) + end,
            "description": _description(verb, self._info, subresource.name),
            "parameters": query,
            "responses": {
                "200": {
                    "description": "OK",
                    "content": {media_type: {"schema": {"type": "string"}}},
                },
                "default": _failure(self._status),
            },
            "x-kubernetes-action": "get" if is_log else "connect",
            "x-kubernetes-group-version-kind": _kind_of_part(self._info, subresource),
            "tags": [_tag(self._info)],
        }

    def _identifier(
        self, verb: str, part: str = "", *, everywhere: bool = False, connects: bool = False
    ) -> str:
        """What client generators name their methods by: `listCoreV1NamespacedPod`."""
        info = self._info
        scope = "Namespaced" if info.namespaced and not everywhere else ""
        collection = "Collection" if verb == "deletecollection" else ""
        method = _METHODS[verb].capitalize() if connects else ""
        end = part.capitalize()
        return (
            f"{'connect' if connects else _WORDS.get(verb, verb)}{_group_word(info.group)}"
            f"{info.version.capitalize()}{method}{collection}{scope}{info.kind}{end}"
            f"{'ForAllNamespaces' if everywhere else ''}"
        )


def _group_word(group: str) -> str:
    """`Core`, `Apps`, `RbacAuthorization`, `ExampleDev`."""
    parts = (group or "core").removesuffix(".k8s.io").split(".")
    return "".join(part.capitalize() for part in parts)


def _tag(info: KindInfo) -> str:
    word = _group_word(info.group)
    return f"{word[0].lower()}{word[1:]}_{info.version}"


def _description(verb: str, info: KindInfo, part: str = "", *, everywhere: bool = False) -> str:
    place = " of all namespaces" if everywhere else ""
    match verb:
        case "list":
            return f"Lists or watches {info.plural}{place}."
        case "deletecollection":
            return f"Deletes all {info.plural} that are selected."
    word = {"get": "Reads", "create": "Creates", "update": "Replaces", "patch": "Changes"}.get(
        verb, "Deletes"
    )
    if not part:
        return f"{word} {_article(info.kind)} {info.kind}."
    if part in parameters.OF_CONNECTIONS or verb == "create":
        return f"Serves the subresource {part} of {_article(info.kind)} {info.kind}."
    return f"{word} the subresource {part} of {_article(info.kind)} {info.kind}."


def _article(word: str) -> str:
    return "an" if word[0] in "AEIO" else "a"


def _kind_of_part(info: KindInfo, subresource: Subresource) -> dict[str, str]:
    if not subresource.kind:
        return group_version_kind(info)
    return {
        "group": subresource.group or info.group,
        "version": subresource.version or info.version,
        "kind": subresource.kind,
    }


def _answering(schema: dict[str, Any], codes: Sequence[str], failure: dict[str, Any]) -> Operation:
    content = {JSON: {"schema": schema}}
    responses: dict[str, Any] = {
        code: {"description": _DONE[code], "content": content} for code in codes
    }
    return {"responses": responses | {"default": _failure(failure)}}


def _failure(schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": "Failure", "content": {JSON: {"schema": schema}}}


def _request_body(schema: dict[str, Any], types: Sequence[str]) -> dict[str, Any]:
    return {"content": {name: {"schema": schema} for name in types}, "required": True}
