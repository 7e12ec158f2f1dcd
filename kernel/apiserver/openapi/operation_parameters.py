"""The parameters of operations in OpenAPI documents, with what they mean."""

from typing import Any

Parameter = dict[str, Any]


def _parameter(name: str, description: str, type_: str = "string", **more: Any) -> Parameter:
    schema: dict[str, Any] = {"type": type_, "uniqueItems": True}
    return {"name": name, "in": "query", "description": description, "schema": schema | more}


def _path_parameter(name: str, description: str) -> Parameter:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": {"type": "string", "uniqueItems": True},
    }


NAMESPACE = _path_parameter("namespace", "Namespace of the object.")
NAME = _path_parameter("name", "Name of the object.")
PATH = _path_parameter("path", "Path that the request is passed on to.")

_RESOURCE_VERSION = _parameter(
    "resourceVersion",
    "The revision that is wanted; with 0 any will do. Default: the newest.",
)
_RESOURCE_VERSION_MATCH = _parameter(
    "resourceVersionMatch",
    "How `resourceVersion` is meant: that very one, or one that is not older.",
    enum=["Exact", "NotOlderThan"],
)
_DRY_RUN = _parameter("dryRun", "All, to do everything but the writing.", enum=["All"])
_FIELD_MANAGER = _parameter("fieldManager", "Name of who writes, at most 128 characters.")
_FIELD_VALIDATION = _parameter(
    "fieldValidation",
    "What is done about unknown and repeated fields: nothing, a warning, or a refusal."
    " Default: Warn.",
    enum=["Ignore", "Strict", "Warn"],
)
_FORCE = _parameter(
    "force",
    "Whether server-side apply takes fields from other managers. Only for apply patches.",
    "boolean",
)
_SELECTORS = (
    _parameter("labelSelector", "Labels of the objects that are wanted, app=web,tier!=back say."),
    _parameter("fieldSelector", "Fields of the objects that are wanted, metadata.name=web say."),
)

GET: tuple[Parameter, ...] = (_RESOURCE_VERSION, _RESOURCE_VERSION_MATCH)
WRITE = (_DRY_RUN, _FIELD_MANAGER, _FIELD_VALIDATION)
PATCH = (*WRITE, _FORCE)
LIST = (
    *_SELECTORS,
    _RESOURCE_VERSION,
    _RESOURCE_VERSION_MATCH,
    _parameter("limit", "How many objects to answer at most; 0 for all.", "integer", minimum=0),
    _parameter("continue", "The token of the list that this one goes on with."),
    _parameter("watch", "Whether changes are told as they happen, in place of a list.", "boolean"),
    _parameter("allowWatchBookmarks", "Whether a watch also tells of revisions alone.", "boolean"),
    _parameter(
        "sendInitialEvents",
        "Whether a watch begins with the objects that there are, then a bookmark.",
        "boolean",
    ),
    _parameter("timeoutSeconds", "After how many seconds a watch is to end.", "integer", minimum=0),
)
DELETE = (
    _DRY_RUN,
    _parameter(
        "gracePeriodSeconds",
        "How many seconds the object has to end. Default: its own.",
        "integer",
        minimum=0,
    ),
    _parameter(
        "propagationPolicy",
        "What becomes of dependents: they stay, are deleted later, or first.",
        enum=["Background", "Foreground", "Orphan"],
    ),
    _parameter(
        "orphanDependents", "Of old: whether dependents stay. Not with the policy.", "boolean"
    ),
)
DELETE_COLLECTION = (*DELETE, *_SELECTORS)

_CONTAINER = _parameter(
    "container", "Name of the container. Default: the only one, or the annotated one."
)
_ATTACH = (
    _CONTAINER,
    _parameter("stdin", "Whether standard input is sent. Default: false.", "boolean"),
    _parameter("stdout", "Whether standard output is told.", "boolean"),
    _parameter("stderr", "Whether standard error is told.", "boolean"),
    _parameter("tty", "Whether there is a terminal. Default: false.", "boolean"),
)
OF_CONNECTIONS: dict[str, tuple[Parameter, ...]] = {
    "attach": _ATTACH,
    "exec": (_parameter("command", "The command; repeated for each argument."), *_ATTACH),
    "proxy": (),
    "portforward": (_parameter("ports", "Ports of the Pod; may be repeated.", "integer"),),
    "log": (
        _CONTAINER,
        _parameter("follow", "Whether lines are told as they are written.", "boolean"),
        _parameter(
            "previous", "Whether the container before the last restart is meant.", "boolean"
        ),
        _parameter("timestamps", "Whether each line begins with its time.", "boolean"),
        _parameter("sinceSeconds", "How many seconds back to begin.", "integer", minimum=1),
        _parameter("sinceTime", "The time to begin at (RFC 3339).", format="date-time"),
        _parameter("tailLines", "How many lines from the end to begin at.", "integer", minimum=0),
        _parameter("limitBytes", "After how many bytes to stop.", "integer", minimum=1),
        _parameter("stream", "Which output is meant.", enum=["All", "Stderr", "Stdout"]),
    ),
}
"""What is asked for in the query of subresources that take and answer no objects."""
