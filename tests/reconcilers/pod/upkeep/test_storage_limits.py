import pytest
from hypothesis import given, strategies as st

from kernel.objects.pod import Container, Pod, ResourceRequirements
from kernel.objects.volume import EmptyDirVolumeSource, Volume
from kernel.reconcilers.pod.upkeep.storage_limits import (
    StorageUsage,
    has_storage_limits,
    storage_excess,
)
from tests.reconcilers.pod.node_under_test import container, make_pod

MEBIBYTE = 1 << 20


def _limited(name: str, limit: str = "", **fields: str) -> Container:
    limits = {"ephemeral-storage": limit} if limit else {}
    return container(name, resources=ResourceRequirements(limits=limits), **fields)


def _pod(*limits: str, size: str | None = None, medium: str = "", init: str = "") -> Pod:
    volume = Volume(name="data", empty_dir=EmptyDirVolumeSource(medium=medium, size_limit=size))
    return make_pod(
        *(_limited(f"c{number}", limit) for number, limit in enumerate(limits or ("",))),
        init=(_limited("init", init),) if init else (),
        volumes=[volume],
    )


def _usage(volume: int = 0, *containers: int) -> StorageUsage:
    return StorageUsage(
        volumes={"data": volume},
        containers={f"c{number}": used for number, used in enumerate(containers)},
    )


@pytest.mark.parametrize(
    ("pod", "usage", "message"),
    [
        (_pod(), _usage(MEBIBYTE, MEBIBYTE), ""),
        (_pod(size="1Mi"), _usage(MEBIBYTE), ""),
        (
            _pod(size="1Mi"),
            _usage(MEBIBYTE + 1),
            'Usage of EmptyDir volume "data" exceeds the limit "1Mi". ',
        ),
        (
            _pod("2Mi"),
            _usage(MEBIBYTE, MEBIBYTE + 1),
            "Pod ephemeral local storage usage exceeds the total limit of containers 2Mi. ",
        ),
        (_pod("2Mi", medium="Memory"), _usage(MEBIBYTE, MEBIBYTE + 1), ""),
        (
            _pod("1Mi", "4Mi"),
            _usage(0, MEBIBYTE + 1, 0),
            'Container c0 exceeded its local ephemeral storage limit "1Mi". ',
        ),
        (_pod("1Mi", ""), _usage(0, 0, MEBIBYTE), ""),
        (
            _pod("1M", "1500k"),
            _usage(0, 0, 2_500_001),
            "Pod ephemeral local storage usage exceeds the total limit of containers 2500k. ",
        ),
        (_pod("1Mi", init="3Mi"), _usage(2 * MEBIBYTE, MEBIBYTE), ""),
    ],
)
def test_what_is_said_of_too_much(pod: Pod, usage: StorageUsage, message: str) -> None:
    excess = storage_excess(pod, usage)
    assert (excess.message if excess else "") == message
    assert excess is None or excess.reason == "Evicted"


@pytest.mark.parametrize(
    ("pod", "expected"),
    [
        (_pod(), False),
        (_pod(size="0"), False),
        (_pod(size="1Mi"), True),
        (_pod("", "1Mi"), True),
        (_pod(init="1Mi"), True),
    ],
)
def test_who_has_to_be_looked_at(pod: Pod, expected: bool) -> None:
    assert has_storage_limits(pod) == expected


@given(st.integers(0, 4 * MEBIBYTE), st.integers(0, 4 * MEBIBYTE))
def test_nobody_goes_without_a_limit_and_everybody_far_above_one(volume: int, own: int) -> None:
    assert storage_excess(_pod(), _usage(volume, own)) is None
    assert (storage_excess(_pod("1Mi"), _usage(volume, own)) is None) == (volume + own <= MEBIBYTE)
