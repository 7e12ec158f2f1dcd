import pytest

from kernel.cri.runtime import ImagePullFailure, InvalidImageName
from kernel.reconcilers.pod.images.policy import (
    ImageProblem,
    must_pull,
    pull_back_off_seconds,
    pull_failed,
    pull_policy,
    pull_waits,
    pulled_message,
)
from tests.reconcilers.pod.node_under_test import container


@pytest.mark.parametrize(
    ("image", "given", "expected"),
    [
        ("busybox", "", "Always"),
        ("busybox:latest", "", "Always"),
        ("busybox:1", "", "IfNotPresent"),
        ("localhost:5000/busybox", "", "Always"),
        ("localhost:5000/busybox:1", "", "IfNotPresent"),
        ("busybox@sha256:" + "0" * 64, "", "IfNotPresent"),
        ("busybox:latest@sha256:" + "0" * 64, "", "Always"),
        ("busybox", "Never", "Never"),
    ],
)
def test_the_pull_policy(image: str, given: str, expected: str) -> None:
    assert pull_policy(container(image=image, image_pull_policy=given)) == expected


@pytest.mark.parametrize(
    ("policy", "present", "expected"),
    [
        ("Always", True, True),
        ("Always", False, True),
        ("IfNotPresent", True, False),
        ("IfNotPresent", False, True),
        ("Never", True, False),
        ("Never", False, False),
    ],
)
def test_whether_to_pull(policy: str, present: bool, expected: bool) -> None:
    assert must_pull(policy, present=present) is expected


def test_the_back_off_of_pulls() -> None:
    waits = [pull_back_off_seconds(failures) for failures in (1, 2, 3, 4, 5, 6, 7, 500)]
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_a_wrong_name_is_told_from_a_failed_pull() -> None:
    assert pull_failed("a", ImagePullFailure("no such host")).reason == "ErrImagePull"
    assert pull_failed("A", InvalidImageName("bad")).reason == "InvalidImageName"


def test_some_failures_have_a_reason_of_their_own() -> None:
    away = pull_failed("web:1", ImagePullFailure("RegistryUnavailable: no route"))
    message = "image pull failed for web:1 because the registry is unavailable: no route"
    assert away == ImageProblem("RegistryUnavailable", message)
    unsigned = pull_failed("web:1", ImagePullFailure("SignatureValidationFailed"))
    assert unsigned.reason == "SignatureValidationFailed"


def test_what_waits_says_why() -> None:
    failed = ImageProblem("ErrImagePull", "no such host")
    assert pull_waits("web:1", failed) == ImageProblem(
        "ImagePullBackOff", 'Back-off pulling image "web:1": ErrImagePull: no such host'
    )
    assert pull_waits("web:1", None).message == 'Back-off pulling image "web:1"'


def test_what_is_said_of_a_pull() -> None:
    assert pulled_message("web:1", 1.2, 61.5, 4242) == (
        'Successfully pulled image "web:1" in 1.2s (1m1.5s including waiting).'
        " Image size: 4242 bytes."
    )
    assert pulled_message("web:1", 0.2039, 0, 0) == (
        'Successfully pulled image "web:1" in 203ms (0s including waiting).'
    )
