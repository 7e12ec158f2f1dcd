"""Which of a Pod's imagePullSecrets are for an image's registry (pure), as Kubernetes matches them
(https://kubernetes.io/docs/concepts/containers/images/#config-json).

| key in the Secret | is for |
| --- | --- |
| `registry.example` | all images of that host, without a port |
| `registry.example:5000/team` | that host and port, paths that start with `/team` |
| `*.example`, `registry-?.example` | hosts with as many labels, each matched by its glob |
| `https://index.docker.io/v1/` | Docker Hub, where nothing else is |

A scheme is dropped, and so is a leading `/v1` or `/v2` of the path.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from kernel.cri.image_name import image_repository
from kernel.cri.runtime import RegistryCredentials
from kernel.objects.config import Secret
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.configuration.environment import Sources

_DOCKER_HUB = "docker.io"
_DOCKER_HUB_KEY = "index.docker.io"
_JSON_TYPE, _JSON_KEY = "kubernetes.io/dockerconfigjson", ".dockerconfigjson"
_OLD_TYPE, _OLD_KEY = "kubernetes.io/dockercfg", ".dockercfg"

Logins = Mapping[str, list[RegistryCredentials]]


def missing_pull_secrets(pod: Pod, sources: Sources) -> list[str]:
    """The imagePullSecrets that do not exist."""
    names = [reference.name for reference in pod.spec.image_pull_secrets]
    return [name for name in names if sources.secrets.get(name) is None]


def credentials_for(pod: Pod, image: str, sources: Sources) -> tuple[RegistryCredentials, ...]:
    """What to show the image's registry, one after the other: the most specific first, and of
    several Secrets in their order. Raises `InvalidImageName`."""
    named = (sources.secrets.get(one.name) for one in pod.spec.image_pull_secrets)
    logins = _logins_by_place(secret for secret in named if secret is not None)
    repository = image_repository(image)
    found = [
        login
        for place in sorted(logins, reverse=True)
        if place_matches(place, repository)
        for login in logins[place]
    ]
    if not found and repository.partition("/")[0] == _DOCKER_HUB:
        found = logins.get(_DOCKER_HUB_KEY, [])
    return tuple(dict.fromkeys(found))


def place_matches(place: str, repository: str) -> bool:
    """Whether a login for `place` (`*.example:5000/team`) is for a repository."""
    wanted_host, wanted_path = _split(place)
    host, path = _split(repository)
    wanted_name, _, wanted_port = wanted_host.partition(":")
    name, _, port = host.partition(":")
    wanted_labels, labels = wanted_name.split("."), name.split(".")
    return (
        port == wanted_port
        and path.startswith(wanted_path)
        and len(labels) == len(wanted_labels)
        and all(
            # A set of characters is negated with ^ there, and with ! here.
            fnmatchcase(label, wanted.replace("[^", "[!"))
            for label, wanted in zip(labels, wanted_labels, strict=True)
        )
    )


def _split(place: str) -> tuple[str, str]:
    host, slash, path = place.partition("/")
    return host, slash + path


def _logins_by_place(secrets: Iterable[Secret]) -> Logins:
    found: dict[str, list[RegistryCredentials]] = {}
    for secret in secrets:
        for server, login in _entries(secret):
            credentials = _credentials(login)
            if credentials is not None:
                found.setdefault(_place(server), []).append(credentials)
    return found


def _place(server: str) -> str:
    """`https://registry.example/v2/team` → `registry.example/team`."""
    host, path = _split(server.removeprefix("https://").removeprefix("http://"))
    if path.startswith(("/v1/", "/v2/")):
        path = path[len("/v1") :]
    return host if path == "/" else host + path


class _DockerConfig(msgspec.Struct):
    auths: dict[str, dict[str, Any]] = {}


def _entries(secret: Secret) -> Iterator[tuple[str, dict[str, Any]]]:
    """Logins by server, of both types of Secret that hold them; none where it can't be read."""
    try:
        if secret.type == _JSON_TYPE:
            text = base64.b64decode(secret.data.get(_JSON_KEY, ""))
            yield from msgspec.json.decode(text or b"{}", type=_DockerConfig).auths.items()
        elif secret.type == _OLD_TYPE:
            text = base64.b64decode(secret.data.get(_OLD_KEY, ""))
            yield from msgspec.json.decode(text or b"{}", type=dict[str, dict[str, Any]]).items()
    except (binascii.Error, msgspec.DecodeError):
        return


def _credentials(login: dict[str, Any]) -> RegistryCredentials | None:
    """The name and password of a login; None where they can't be read. `auth` goes before."""
    username, password = str(login.get("username", "")), str(login.get("password", ""))
    if login.get("auth"):
        try:
            joined = base64.b64decode(str(login["auth"])).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        username, _, password = joined.partition(":")
    return RegistryCredentials(username=username, password=password)
