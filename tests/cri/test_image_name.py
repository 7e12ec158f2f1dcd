"""Image names are made whole as Docker does; what is no name is refused."""

import re

import pytest
from hypothesis import given, strategies as st

from kernel.cri.image_name import whole_image_name
from kernel.cri.runtime import InvalidImageName

DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("busybox:1.36", "docker.io/library/busybox:1.36"),
        ("geektime/sample:v2", "docker.io/geektime/sample:v2"),
        ("docker.io/busybox", "docker.io/library/busybox:latest"),
        ("index.docker.io/busybox", "docker.io/library/busybox:latest"),
        ("docker.io/a/b/c:x", "docker.io/a/b/c:x"),
        ("localhost/pause", "localhost/pause:latest"),
        ("localhost:5000/web", "localhost:5000/web:latest"),
        ("registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"),
        ("host:5000/a/b:Tag_1.2-3", "host:5000/a/b:Tag_1.2-3"),
        ("a__b/c-d.e", "docker.io/a__b/c-d.e:latest"),
        (f"busybox@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        (f"busybox:1.36@{DIGEST}", f"docker.io/library/busybox@{DIGEST}"),
        (DIGEST, DIGEST),
        (DIGEST.removeprefix("sha256:"), DIGEST.removeprefix("sha256:")),
    ],
)
def test_names_are_made_whole(text: str, whole: str) -> None:
    assert whole_image_name(text) == whole


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "/", ":", "@", "a b", "busybox:", ":latest", "busybox@", "-a", "a-", "a//b"),
        *("busybox:a/b:c d", "a/b/", "ü", "busybox:-x", "http://host/web", "a...b", "UPPER"),
        *("busybox@sha256:12", f"busybox:{'x' * 129}", f"{'a/' * 200}b", "busybox\n"),
    ],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InvalidImageName) as refused:
        whole_image_name(text)
    assert f'couldn\'t parse image name "{text}": invalid reference format' in str(refused.value)


def test_capitals_are_explained() -> None:
    with pytest.raises(InvalidImageName, match="repository name must be lowercase"):
        whole_image_name("Busybox")


@given(st.text(alphabet="abcAB09.:/@-_ ", max_size=30))
def test_a_whole_name_stays_as_it_is(text: str) -> None:
    try:
        whole = whole_image_name(text)
    except InvalidImageName:
        return
    assert whole_image_name(whole) == whole
    assert re.fullmatch(r"[^/\s]+/\S+[:@]\S+", whole)
