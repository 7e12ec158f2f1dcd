"""What a request asks permission for, told from its method, path and query alone.

As Kubernetes tells it (k8s.io/apiserver, endpoints/request/requestinfo.go), before anybody looks
whether there is such a kind: who may not know gets the same answer in both cases. An object's
watch, which Kubernetes has no path for, asks for `watch`.
"""

from collections.abc import Sequence

from kernel.api.access.attributes import Attributes
from kernel.apiserver.parameters import FALSE_WORDS, Parameters
from kernel.apiserver.targets import divide, stands_for_objects

_VERBS = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}


def attributes_of(method: str, segments: Sequence[str], parameters: Parameters) -> Attributes:
    """The attributes of a request to a path, given in segments."""
    if not stands_for_objects(segments):
        return Attributes(method.lower(), path="/" + "/".join(segments))
    place = divide(segments)
    rest = [*place.rest, "", ""]
    resource, name, subresource = rest[0], rest[1], rest[2]
    verb = _VERBS.get(method, "")
    if verb == "get" and not subresource:
        verb, name = _reading(name, parameters)
    elif verb == "delete" and not name:
        verb = "deletecollection"
    namespace = place.namespace or ""
    if resource == "namespaces" and not place.namespace:
        namespace = name  # a namespace is in itself: what is granted there is for it too
    return Attributes(verb, place.group, resource, subresource, namespace, name)


def _reading(name: str, parameters: Parameters) -> tuple[str, str]:
    """The verb of a GET, and the one name that it is about, if it is."""
    watched = parameters.texts("watch")
    is_watch = bool(watched) and watched[0] not in FALSE_WORDS
    if name:
        return "watch" if is_watch else "get", name
    for requirement in parameters.text("fieldSelector").split(","):
        field, _, value = requirement.replace("==", "=").partition("=")
        if field == "metadata.name":
            name = value
    return "watch" if is_watch else "list", name
