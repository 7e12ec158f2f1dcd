"""The paths and operations of a kind, as an OpenAPI document lists them."""

from typing import Any

from kernel.apiserver.bodies import APPLY_TYPE
from kernel.apiserver.schemas import group_version_kind
from kernel.apiserver.subresources import Subresource, subresources_of
from kernel.objects.kind import KindInfo

Operation = dict[str, Any]

JSON = "application/json"
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY_TYPE,
)


def _parameter(name: str, type_: str = "string", *, place: str = "query") -> dict[str, Any]:
    parameter: dict[str, Any] = {"name": name, "in": place, "schema": {"type": type_}}
    if place == "path":
        parameter["required"] = True
    return parameter


_GET = [_parameter(name) for name in ("resourceVersion", "resourceVersionMatch")]
_WRITE = [_parameter(name) for name in ("dryRun", "fieldManager", "fieldValidation")]
_PATCH = [*_WRITE, _parameter("force", "boolean")]
_LIST = [
    *(_parameter(name) for name in ("labelSelector", "fieldSelector", "continue")),
    *(_parameter(name) for name in ("resourceVersion", "resourceVersionMatch")),
    _parameter("limit", "integer"),
    _parameter("timeoutSeconds", "integer"),
    *(_parameter(name, "boolean") for name in ("watch", "allowWatchBookmarks")),
    _parameter("sendInitialEvents", "boolean"),
]
_DELETE = [
    _parameter("dryRun"),
    _parameter("gracePeriodSeconds", "integer"),
    _parameter("propagationPolicy"),
    _parameter("orphanDependents", "boolean"),
]
_BY_VERB: dict[str, tuple[str, list[dict[str, Any]], tuple[str, ...]]] = {
    "get": ("get", _GET, ()),
    "create": ("post", _WRITE, (JSON,)),
    "update": ("put", _WRITE, (JSON,)),
    "patch": ("patch", _PATCH, PATCH_TYPES),
}
_ATTACH = [
    _parameter("container"),
    *(_parameter(name, "boolean") for name in ("stdin", "stdout", "stderr", "tty")),
]
_QUERIES = {
    "attach": _ATTACH,
    "exec": [_parameter("command"), *_ATTACH],
    "portforward": [_parameter("ports", "integer")],
    "log": [
        *(_parameter(name) for name in ("container", "sinceTime", "stream")),
        *(_parameter(name, "boolean") for name in ("follow", "previous", "timestamps")),
        *(_parameter(name, "integer") for name in ("limitBytes", "sinceSeconds", "tailLines")),
    ],
}
"""What is asked for in the query of subresources that take and answer no objects."""


def paths_of(info: KindInfo, schema_name: str) -> dict[str, Any]:
    """The paths of a kind whose schema is `schema_name`."""
    root = f"/apis/{info.group}/{info.version}" if info.group else f"/api/{info.version}"
    schema = {"$ref": f"#/components/schemas/{schema_name}"}
    paths: dict[str, Any] = {}
    scope = f"{root}/namespaces/{{namespace}}" if info.namespaced else root
    path_parameters = [_parameter("namespace", place="path")] if info.namespaced else []
    if info.namespaced:
        paths[f"{root}/{info.plural}"] = {"get": _operation(info, schema, "list", _LIST)}
    paths[f"{scope}/{info.plural}"] = {
        "get": _operation(info, schema, "list", _LIST),
        "post": _operation(info, schema, "post", _WRITE, body=(JSON,)),
        "delete": _operation(info, schema, "deletecollection", [*_DELETE, *_LIST]),
        "parameters": path_parameters,
    }
    named = [*path_parameters, _parameter("name", place="path")]
    one = f"{scope}/{info.plural}/{{name}}"
    paths[one] = {
        "get": _operation(info, schema, "get", _GET),
        "put": _operation(info, schema, "put", _WRITE, body=(JSON,)),
        "patch": _operation(info, schema, "patch", _PATCH, body=PATCH_TYPES),
        "delete": _operation(info, schema, "delete", _DELETE),
        "parameters": named,
    }
    for subresource in subresources_of(info):
        operations = _subresource_operations(info, schema, subresource)
        paths[f"{one}/{subresource.name}"] = operations | {"parameters": named}
    return paths


def _subresource_operations(
    info: KindInfo, schema: dict[str, Any], subresource: Subresource
) -> dict[str, Any]:
    """What is done with a part of an object, or with what is sent there in another kind."""
    query = _QUERIES.get(subresource.name)
    if subresource.kind:
        # Kinds that are sent and never stored have no schema here.
        schema = {"type": "object"}
    operations: dict[str, Any] = {}
    for verb in subresource.verbs:
        method, parameters, body = _BY_VERB[verb]
        if query is not None:
            action = "get" if subresource.name == "log" else "connect"
            operation = _operation(info, {"type": "string"}, action, query)
        else:
            operation = _operation(info, schema, method, parameters, body=body)
        if subresource.kind:
            operation["x-kubernetes-group-version-kind"] = {
                "group": subresource.group or info.group,
                "version": subresource.version or info.version,
                "kind": subresource.kind,
            }
        operations[method] = operation
    return operations


def _operation(
    info: KindInfo,
    schema: dict[str, Any],
    action: str,
    parameters: list[dict[str, Any]],
    *,
    body: tuple[str, ...] = (),
) -> Operation:
    operation: Operation = {
        "parameters": parameters,
        "responses": {"200": {"description": "OK", "content": {JSON: {"schema": schema}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": group_version_kind(info),
    }
    if body:
        content = schema if action != "patch" else {"type": "object"}
        operation["requestBody"] = {
            "content": {media_type: {"schema": content} for media_type in body},
            "required": True,
        }
    return operation
