"""What LimitRanges make of Pods and claims."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.api.limit_ranges import ANNOTATION, joined, refusals, set_defaults
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.quantity import parse_quantity
from kernel.objects.resource_policies import LimitRange


def limits(**item: Any) -> LimitRange:
    document = {"spec": {"limits": [{"type": "Container", **item}]}}
    return msgspec.convert(document, LimitRange)


def pod(*resources: dict[str, Any], init: dict[str, Any] | None = None) -> Pod:
    containers = [{"name": f"c{index}", "resources": one} for index, one in enumerate(resources)]
    before = [] if init is None else [{"name": "init", "resources": init}]
    spec = {"containers": containers, "initContainers": before}
    return msgspec.convert({"spec": spec}, Pod)


def claim(storage: str) -> PersistentVolumeClaim:
    spec = {"resources": {"requests": {"storage": storage}}}
    return msgspec.convert({"spec": spec}, PersistentVolumeClaim)


def test_defaults_are_set_where_nothing_is_said_and_told() -> None:
    made = pod({}, {"limits": {"cpu": "3"}, "requests": {"cpu": "3", "memory": "1Gi"}}, init={})
    set_defaults(made, limits(default={"cpu": "2"}, defaultRequest={"cpu": "1", "memory": "1Mi"}))
    first, second = (container.resources for container in made.spec.containers)
    assert (first.requests, first.limits) == ({"cpu": "1", "memory": "1Mi"}, {"cpu": "2"})
    assert (second.requests, second.limits) == ({"cpu": "3", "memory": "1Gi"}, {"cpu": "3"})
    assert made.metadata.annotations == {
        ANNOTATION: "LimitRanger plugin set: cpu, memory request for container c0; cpu limit for"
        " container c0; cpu, memory request for init container init; cpu limit for init container"
        " init"
    }


def test_what_says_all_is_left_as_it_is() -> None:
    made = pod({"limits": {"cpu": "1"}, "requests": {"cpu": "1"}})
    set_defaults(made, limits(default={"cpu": "2"}, defaultRequest={"cpu": "1"}))
    assert made.metadata.annotations == {}


@pytest.mark.parametrize(
    ("made", "bounds", "expected"),
    [
        (pod({"requests": {"cpu": "1"}}), {"min": {"cpu": "1"}}, []),
        (
            pod({"requests": {"cpu": "100m"}}),
            {"min": {"cpu": "1"}},
            ["minimum cpu usage per Container is 1, but request is 100m"],
        ),
        (
            pod({}),
            {"min": {"cpu": "1"}},
            ["minimum cpu usage per Container is 1.  No request is specified"],
        ),
        (
            pod({"requests": {"memory": "1Gi"}, "limits": {"memory": "2Gi"}}),
            {"max": {"memory": "1Gi"}},
            ["maximum memory usage per Container is 1Gi, but limit is 2Gi"],
        ),
        (
            pod({"requests": {"memory": "1Gi"}}),
            {"max": {"memory": "1Gi"}},
            ["maximum memory usage per Container is 1Gi.  No limit is specified"],
        ),
        (
            pod({"requests": {"cpu": "1"}, "limits": {"cpu": "3"}}),
            {"maxLimitRequestRatio": {"cpu": "2"}},
            ["cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000"],
        ),
        (
            pod({"limits": {"cpu": "3"}}),
            {"maxLimitRequestRatio": {"cpu": "2"}},
            [
                "cpu max limit to request ratio per Container is 2, but no request is specified"
                " or request is 0"
            ],
        ),
        (
            pod({"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}),
            {"type": "Pod", "max": {"cpu": "2"}},
            ["maximum cpu usage per Pod is 2, but limit is 3"],
        ),
        (
            claim("500Mi"),
            {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}},
            ["minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"],
        ),
        (
            claim("3Gi"),
            {"type": "PersistentVolumeClaim", "max": {"storage": "2Gi"}},
            ["maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"],
        ),
        (claim("1Gi"), {"max": {"storage": "1Mi"}}, []),
    ],
)
def test_refusals(made: Any, bounds: dict[str, Any], expected: list[str]) -> None:
    assert refusals(made, limits(**bounds)) == expected


def test_several_refusals_are_listed() -> None:
    assert joined(["one"]) == "one"
    assert joined(["one", "other"]) == "[one, other]"


QUANTITY = st.sampled_from(["0", "1m", "250m", "1", "2", "1Ki", "1Gi", "64M"])


@given(st.none() | QUANTITY, st.none() | QUANTITY, QUANTITY, QUANTITY)
def test_what_is_let_in_is_within_the_bounds(
    request: str | None, limit: str | None, least: str, most: str
) -> None:
    made = pod(
        {
            "requests": {} if request is None else {"cpu": request},
            "limits": {} if limit is None else {"cpu": limit},
        }
    )
    found = refusals(made, limits(min={"cpu": least}, max={"cpu": most}))
    if not found:
        assert request is not None
        assert limit is not None
        for value in (request, limit):
            amount = parse_quantity(value)
            assert parse_quantity(least) <= amount <= parse_quantity(most)
