"""Whether an image has to be pulled, with which credentials, and how long a failed pull waits
(pure)."""

import base64
from typing import Any

import msgspec

from kernel.cri.runtime import InvalidImageName, RegistryCredentials, RuntimeFailure
from kernel.objects.config import Secret
from kernel.objects.pod import Container, Pod
from kernel.reconcilers.pod.environment import Sources

DOCKER_HUB = "docker.io"

PULL_BACK_OFF_SECONDS_FIRST = 10
PULL_BACK_OFF_SECONDS_MAX = 300


class ImageProblem(msgspec.Struct, frozen=True):
    """Why a container has to wait for its image, as its waiting state shows it."""

    reason: str
    message: str


def pull_policy(container: Container) -> str:
    """Always, IfNotPresent or Never. Where none is given: Always for `:latest` and no tag."""
    if container.image_pull_policy:
        return container.image_pull_policy
    name = container.image.rpartition("/")[2]
    if "@" in name:
        return "IfNotPresent"
    tag = name.partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def must_pull(policy: str, *, present: bool) -> bool:
    """Whether to ask the registry."""
    return policy == "Always" or (policy == "IfNotPresent" and not present)


def pull_back_off_seconds(failures: int) -> int:
    """How long after its `failures`-th failure in a row (from 1) a pull is tried again."""
    doublings = min(failures - 1, PULL_BACK_OFF_SECONDS_MAX.bit_length())
    return min(PULL_BACK_OFF_SECONDS_FIRST << doublings, PULL_BACK_OFF_SECONDS_MAX)


def never_pulled(image: str) -> ImageProblem:
    """The image is missing and the policy forbids to fetch it."""
    return ImageProblem(
        "ErrImageNeverPull",
        f'Container image "{image}" is not present with pull policy of Never',
    )


def pull_failed(image: str, failure: RuntimeFailure) -> ImageProblem:
    """A pull has just failed."""
    if isinstance(failure, InvalidImageName):
        return ImageProblem(
            "InvalidImageName", f'Failed to apply default image tag "{image}": {failure}'
        )
    return ImageProblem("ErrImagePull", str(failure))


def pull_waits(image: str) -> ImageProblem:
    """A pull has failed, and waits to be tried again."""
    return ImageProblem("ImagePullBackOff", f'Back-off pulling image "{image}"')


def missing_pull_secrets(pod: Pod, sources: Sources) -> list[str]:
    """The imagePullSecrets that do not exist."""
    names = [reference.name for reference in pod.spec.image_pull_secrets]
    return [name for name in names if sources.secrets.get(name) is None]


def credentials_for(pod: Pod, image: str, sources: Sources) -> RegistryCredentials | None:
    """What the Pod's imagePullSecrets have for the image's registry, if anything."""
    registry = _registry_of(image)
    for reference in pod.spec.image_pull_secrets:
        secret = sources.secrets.get(reference.name)
        for server, login in _logins(secret).items() if secret else ():
            if _host_of(server) == registry:
                return _credentials(server, login)
    return None


def _registry_of(image: str) -> str:
    first, slash, _ = image.partition("/")
    is_registry = slash and ("." in first or ":" in first or first == "localhost")
    return first if is_registry else DOCKER_HUB


def _host_of(server: str) -> str:
    host = server.removeprefix("https://").removeprefix("http://").partition("/")[0]
    return DOCKER_HUB if host in ("index.docker.io", "registry-1.docker.io") else host


def _logins(secret: Secret) -> dict[str, dict[str, Any]]:
    """Logins by server, of both forms of Secret that hold them; none where it can't be read."""
    try:
        if ".dockerconfigjson" in secret.data:
            text = base64.b64decode(secret.data[".dockerconfigjson"])
            return msgspec.json.decode(text, type=_DockerConfig).auths
        text = base64.b64decode(secret.data.get(".dockercfg", ""))
        return msgspec.json.decode(text, type=dict[str, dict[str, Any]]) if text else {}
    except (ValueError, msgspec.DecodeError):
        return {}


class _DockerConfig(msgspec.Struct):
    auths: dict[str, dict[str, Any]] = {}


def _credentials(server: str, login: dict[str, Any]) -> RegistryCredentials:
    username, password = str(login.get("username", "")), str(login.get("password", ""))
    if not username and login.get("auth"):
        joined = base64.b64decode(str(login["auth"])).decode()
        username, _, password = joined.partition(":")
    return RegistryCredentials(username=username, password=password, server=server)
