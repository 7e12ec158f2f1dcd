"""Whether an image has to be pulled, how long a failed pull waits, and what is said of it (pure).

Reasons and messages are the kubelet's (pkg/kubelet/images).
"""

import msgspec

from kernel.cri.runtime import InvalidImageName, RuntimeFailure
from kernel.objects.durations import format_duration
from kernel.objects.pod import Container

PULL_BACK_OFF_SECONDS_FIRST = 10
PULL_BACK_OFF_SECONDS_MAX = 300

# A runtime's failures that start so have a reason of their own.
_CAUSES = {
    "RegistryUnavailable": "registry is unavailable",
    "SignatureValidationFailed": "signature validation failed",
}


class ImageProblem(msgspec.Struct, frozen=True):
    """Why a container has to wait for its image, as its waiting state shows it."""

    reason: str
    message: str


def pull_policy(container: Container) -> str:
    """Always, IfNotPresent or Never. Where none is given: Always for `:latest` and no tag."""
    if container.image_pull_policy:
        return container.image_pull_policy
    name, at, _ = container.image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or (not tag and not at) else "IfNotPresent"


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
    for reason, cause in _CAUSES.items():
        if str(failure).startswith(reason):
            detail = str(failure).removeprefix(reason)
            return ImageProblem(
                reason, f"image pull failed for {image} because the {cause}{detail}"
            )
    return ImageProblem("ErrImagePull", str(failure))


def pull_waits(image: str, failed: ImageProblem | None) -> ImageProblem:
    """A pull has failed, and waits to be tried again; how it `failed` is said as well."""
    message = back_off_message(image)
    if failed is not None:
        message = f"{message}: {failed.reason}: {failed.message}"
    return ImageProblem("ImagePullBackOff", message)


def back_off_message(image: str) -> str:
    """What the Event says."""
    return f'Back-off pulling image "{image}"'


def pulled_message(image: str, seconds: float, seconds_with_waiting: float, size: int) -> str:
    """A pull has succeeded; `size` in bytes, 0 where it is not known."""
    took = f"{format_duration(seconds)} ({format_duration(seconds_with_waiting)} including waiting)"
    size_text = f" Image size: {size} bytes." if size else ""
    return f'Successfully pulled image "{image}" in {took}.{size_text}'
