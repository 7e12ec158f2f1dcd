"""Secrets for registries are matched as Kubernetes matches them."""

import base64
import json
from typing import Any

import pytest

from kernel.cri.runtime import RegistryCredentials
from kernel.objects.config import Secret
from kernel.objects.volume import LocalObjectReference
from kernel.reconcilers.pod.configuration.environment import Sources
from kernel.reconcilers.pod.images.registry_credentials import (
    credentials_for,
    missing_pull_secrets,
    place_matches,
)
from tests.reconcilers.pod.node_under_test import make_pod


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def secret(auths: Any) -> Secret:
    text = auths if isinstance(auths, str) else json.dumps({"auths": auths})
    data = {".dockerconfigjson": encoded(text)}
    return Secret(type="kubernetes.io/dockerconfigjson", data=data)


def login(name: str) -> dict[str, str]:
    return {"auth": encoded(f"{name}:pa:ss")}


def users_for(image: str, *secrets: Secret | None) -> list[str]:
    names = [f"secret-{place}" for place in range(len(secrets))]
    pod = make_pod(image_pull_secrets=[LocalObjectReference(name=name) for name in names])
    sources = Sources(secrets=dict(zip(names, secrets, strict=True)))
    return [found.username for found in credentials_for(pod, image, sources)]


@pytest.mark.parametrize(
    ("place", "repository", "expected"),
    [
        ("quay.io", "quay.io/team/web", True),
        ("quay.io/team", "quay.io/team/web", True),
        ("quay.io/other", "quay.io/team/web", False),
        ("quay.io", "quay.io:5000/web", False),
        ("quay.io:5000", "quay.io:5000/web", True),
        ("*.io", "quay.io/web", True),
        ("*.io", "a.quay.io/web", False),
        ("*.*.io", "a.quay.io/web", True),
        ("*.io:5000", "quay.io:5000/web", True),
        ("prefix*.io", "prefix-one.io/web", True),
        ("q?ay.io", "quay.io/web", True),
        ("[^a-p]uay.io", "quay.io/web", True),
        ("[a-p]uay.io", "quay.io/web", False),
        ("*", "quay.io/web", False),
        ("localhost:5000/team", "localhost:5000/team/web", True),
    ],
)
def test_places(place: str, repository: str, expected: bool) -> None:
    assert place_matches(place, repository) is expected


@pytest.mark.parametrize(
    ("key", "image"),
    [
        ("https://index.docker.io/v1/", "busybox"),
        ("index.docker.io", "team/web:1"),
        ("docker.io", "busybox"),
        ("docker.io/library", "busybox@sha256:" + "0" * 64),
        ("https://registry.example:5000/v2/", "registry.example:5000/web:1"),
        ("http://registry.example:5000", "registry.example:5000/web:1"),
        ("https://registry.example/v2/team", "registry.example/team/web"),
    ],
)
def test_keys_of_secrets(key: str, image: str) -> None:
    assert users_for(image, secret({key: login("joe")})) == ["joe"]
    assert users_for("elsewhere.example/web", secret({key: login("joe")})) == []


def test_the_most_specific_comes_first_and_several_secrets_keep_their_order() -> None:
    first = secret({"*.io": login("glob"), "quay.io": login("host-1")})
    second = secret({"quay.io": login("host-2"), "quay.io/team": login("path")})
    assert users_for("quay.io/team/web", first, second) == ["path", "host-1", "host-2", "glob"]
    assert users_for("quay.io/web", None, first, first) == ["host-1", "glob"]


def test_docker_hub_s_login_is_for_what_has_none_of_its_own() -> None:
    auths = {"index.docker.io": login("hub"), "docker.io/team": login("team")}
    assert users_for("team/web", secret(auths)) == ["team"]
    assert users_for("busybox", secret(auths)) == ["hub"]


def test_both_types_of_secret_and_both_forms_of_a_login() -> None:
    old = Secret(
        type="kubernetes.io/dockercfg",
        data={".dockercfg": encoded(json.dumps({"quay.io": login("old")}))},
    )
    assert users_for("quay.io/web", old) == ["old"]
    plain = secret({"quay.io": {"username": "joe", "password": "word"}})
    pod = make_pod(image_pull_secrets=[LocalObjectReference(name="it")])
    found = credentials_for(pod, "quay.io/web", Sources(secrets={"it": plain}))
    assert found == (RegistryCredentials("joe", "word"),)
    found = credentials_for(
        pod, "quay.io/web", Sources(secrets={"it": secret({"quay.io": login("a")})})
    )
    assert found == (RegistryCredentials("a", "pa:ss"),)


@pytest.mark.parametrize(
    "broken",
    [
        secret("{"),
        secret({"quay.io": {"auth": "no base64"}}),
        Secret(type="Opaque", data=secret({"quay.io": login("joe")}).data),
        Secret(type="kubernetes.io/dockercfg", data={".dockercfg": "!"}),
        Secret(type="kubernetes.io/dockerconfigjson"),
    ],
)
def test_what_can_not_be_read_gives_nothing(broken: Secret) -> None:
    assert users_for("quay.io/web", broken) == []


def test_missing_secrets_are_named() -> None:
    pod = make_pod(
        image_pull_secrets=[LocalObjectReference(name="gone"), LocalObjectReference(name="there")]
    )
    sources = Sources(secrets={"gone": None, "there": secret({})})
    assert missing_pull_secrets(pod, sources) == ["gone"]
