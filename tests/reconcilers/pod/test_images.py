import base64
import json

import pytest

from kernel.cri.runtime import ImagePullFailure, InvalidImageName, RegistryCredentials
from kernel.objects.config import Secret
from kernel.objects.volume import LocalObjectReference
from kernel.reconcilers.pod.environment import Sources
from kernel.reconcilers.pod.images import (
    credentials_for,
    must_pull,
    pull_back_off_seconds,
    pull_failed,
    pull_policy,
)
from tests.reconcilers.pod.node_under_test import container, make_pod


@pytest.mark.parametrize(
    ("image", "given", "expected"),
    [
        ("busybox", "", "Always"),
        ("busybox:latest", "", "Always"),
        ("busybox:1", "", "IfNotPresent"),
        ("localhost:5000/busybox", "", "Always"),
        ("localhost:5000/busybox:1", "", "IfNotPresent"),
        ("busybox@sha256:" + "0" * 64, "", "IfNotPresent"),
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


def _secret(text: str) -> Secret:
    return Secret(data={".dockerconfigjson": base64.b64encode(text.encode()).decode()})


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (
            "registry.example:5000/web:1",
            RegistryCredentials("joe", "pa:ss", "https://registry.example:5000/v2/"),
        ),
        ("busybox", RegistryCredentials("hub", "word", "https://index.docker.io/v1/")),
        ("quay.io/web", None),
    ],
)
def test_credentials_by_registry(image: str, expected: RegistryCredentials | None) -> None:
    auths = {
        "https://registry.example:5000/v2/": {"auth": base64.b64encode(b"joe:pa:ss").decode()},
        "https://index.docker.io/v1/": {"username": "hub", "password": "word"},
    }
    pod = make_pod(
        image_pull_secrets=[LocalObjectReference(name="gone"), LocalObjectReference(name="login")]
    )
    secrets = {"login": _secret(json.dumps({"auths": auths})), "gone": None}
    assert credentials_for(pod, image, Sources(secrets=secrets)) == expected


def test_a_broken_secret_gives_no_credentials() -> None:
    pod = make_pod(image_pull_secrets=[LocalObjectReference(name="login")])
    assert credentials_for(pod, "busybox", Sources(secrets={"login": _secret("{")})) is None
