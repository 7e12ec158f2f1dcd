"""Where custom objects keep what the subresource scale shows: at the paths that their definition
names."""

from typing import Any

from kernel.api.errors import ApiError, BadRequest
from kernel.objects.custom_object import CustomObject
from kernel.objects.custom_resource_definition import CustomResourceSubresourceScale
from kernel.objects.scale import ScaleSpec, ScaleStatus


def custom_scale(obj: CustomObject) -> tuple[ScaleSpec, ScaleStatus]:
    """How many Pods there are to be, and are. What is not there counts as none. Raises `ApiError`
    for values that are no numbers, and no text."""
    paths, content = _paths(type(obj)), obj.content
    return (
        ScaleSpec(replicas=_number(content, paths.spec_replicas_path)),
        ScaleStatus(
            replicas=_number(content, paths.status_replicas_path),
            selector=_text(content, paths.label_selector_path or ""),
        ),
    )


def require_replicas(obj: CustomObject) -> None:
    """Raise `ApiError` where an object does not say how many Pods there are to be."""
    path = _paths(type(obj)).spec_replicas_path
    if _found(obj.content, path) is None:
        raise ApiError(f'the spec replicas field "{path}" does not exist')


def replicas_change(kind: type[CustomObject], replicas: int) -> dict[str, Any]:
    """The merge patch that sets how many Pods there are to be."""
    change: Any = replicas
    for name in reversed(_names(_paths(kind).spec_replicas_path)):
        change = {name: change}
    whole: dict[str, Any] = change
    return whole


def _paths(kind: type[CustomObject]) -> CustomResourceSubresourceScale:
    subresources = kind.version.subresources
    assert subresources is not None
    assert subresources.scale is not None
    return subresources.scale


def _names(path: str) -> list[str]:
    return path.removeprefix(".").split(".")


def _found(content: Any, path: str) -> Any:
    for name in _names(path):
        content = content.get(name) if isinstance(content, dict) else None
    return content


def _number(content: Any, path: str) -> int:
    found = _found(content, path)
    if found is None:
        return 0
    if not isinstance(found, int) or isinstance(found, bool):
        raise BadRequest(f"{path} is no whole number")
    return found


def _text(content: Any, path: str) -> str:
    found = _found(content, path) if path else None
    if found is not None and not isinstance(found, str):
        raise BadRequest(f"{path} is no text")
    return found or ""
