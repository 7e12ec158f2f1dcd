"""What objects use, and what a quota makes of a write."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.api.quota.amounts import pod_limits, pod_requests, written
from kernel.api.quota.charging import Change, charge, counted
from kernel.api.quota.usage import is_counted, usage_of
from kernel.objects.config import ConfigMap
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta
from kernel.objects.persistent_volume_claim import PersistentVolumeClaim
from kernel.objects.pod import Pod
from kernel.objects.quantity import parse_quantity
from kernel.objects.resource_policies import ResourceQuota, ResourceQuotaSpec
from kernel.objects.service import Service


def pod(*containers: dict[str, Any], **spec: Any) -> Pod:
    named = [{"name": f"c{index}", **one} for index, one in enumerate(containers)]
    return msgspec.convert({"spec": {"containers": named, **spec}}, Pod)


def asking(requests: dict[str, str] | None = None, **limits: str) -> dict[str, Any]:
    return {"resources": {"requests": requests or {}, "limits": limits}}


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> ResourceQuota:
    made = ResourceQuota(
        metadata=ObjectMeta(name="most"),
        spec=msgspec.convert({"hard": hard, **spec}, ResourceQuotaSpec),
    )
    made.status = counted(made, ())
    made.status.used |= used or {}
    return made


def new(obj: Kind) -> Change:
    return Change("x", None, obj)


def gone(obj: Kind) -> Change:
    return Change("x", obj, None)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (ConfigMap(), {"count/configmaps": "1", "configmaps": "1"}),
        (
            pod(asking({"cpu": "250m", "memory": "64Mi"}, cpu="1"), asking({"cpu": "250m"})),
            {
                "count/pods": "1",
                "pods": "1",
                "cpu": "500m",
                "memory": "64Mi",
                "requests.cpu": "500m",
                "requests.memory": "64Mi",
                "limits.cpu": "1",
            },
        ),
        (
            msgspec.convert(
                {"spec": {"type": "LoadBalancer", "ports": [{"port": 1}, {"port": 2}]}}, Service
            ),
            {
                "count/services": "1",
                "services": "1",
                "services.nodeports": "2",
                "services.loadbalancers": "1",
            },
        ),
        (
            msgspec.convert(
                {
                    "spec": {
                        "storageClassName": "slow",
                        "resources": {"requests": {"storage": "1Gi"}},
                    }
                },
                PersistentVolumeClaim,
            ),
            {
                "count/persistentvolumeclaims": "1",
                "persistentvolumeclaims": "1",
                "requests.storage": "1Gi",
                "slow.storageclass.storage.k8s.io/requests.storage": "1Gi",
                "slow.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
            },
        ),
    ],
)
def test_usage(obj: Kind, expected: dict[str, str]) -> None:
    assert {name: written(value) for name, value in usage_of(obj).items()} == expected


def test_init_containers_take_turns_and_sidecars_stay() -> None:
    made = pod(
        asking({"cpu": "1"}),
        initContainers=[
            {"name": "first", **asking({"cpu": "3"})},
            {"name": "side", "restartPolicy": "Always", **asking({"cpu": "500m"}, cpu="1")},
            {"name": "last", **asking({"cpu": "2"})},
        ],
        overhead={"cpu": "100m"},
    )
    assert written(pod_requests(made.spec)["cpu"]) == "3100m"
    assert written(pod_limits(made.spec)["cpu"]) == "1100m"


def test_of_a_pod_that_has_ended_the_object_alone_counts() -> None:
    ended = pod(asking({"cpu": "1"}))
    ended.status.phase = "Succeeded"
    assert usage_of(ended) == {"count/pods": 1}


@pytest.mark.parametrize(
    ("scopes", "made", "expected"),
    [
        (["Terminating"], pod({}, activeDeadlineSeconds=5), True),
        (["NotTerminating"], pod({}, activeDeadlineSeconds=5), False),
        (["NotTerminating"], pod({}), True),
        (["NotTerminating", "Terminating"], pod({}), False),
        (["PriorityClass"], pod({}, priorityClassName="high"), True),
        (["PriorityClass"], pod({}), False),
        (["NotTerminating"], ConfigMap(), False),
        ([], ConfigMap(), True),
    ],
)
def test_scopes(scopes: list[str], made: Kind, expected: bool) -> None:
    assert is_counted(ResourceQuotaSpec(scopes=scopes), made) is expected


@pytest.mark.parametrize(
    ("operator", "values", "counted_classes"),
    [
        ("In", ["high", "low"], {"high", "low"}),
        ("NotIn", ["high"], {"low", ""}),
        ("Exists", [], {"high", "low"}),
        ("DoesNotExist", [], {""}),
    ],
)
def test_priority_classes(operator: str, values: list[str], counted_classes: set[str]) -> None:
    clause = {"scopeName": "PriorityClass", "operator": operator, "values": values}
    spec = msgspec.convert({"scopeSelector": {"matchExpressions": [clause]}}, ResourceQuotaSpec)
    classes = ("high", "low", "")
    assert {
        name for name in classes if is_counted(spec, pod({}, priorityClassName=name))
    } == counted_classes


@pytest.mark.parametrize(
    ("held", "change", "refusal"),
    [
        (quota({"pods": "1"}), new(pod({})), ""),
        (
            quota({"pods": "1"}, {"pods": "1"}),
            new(pod({})),
            "exceeded quota: most, requested: pods=1, used: pods=1, limited: pods=1",
        ),
        (quota({"pods": "0"}, {"pods": "1"}), gone(pod({})), ""),
        (
            quota({"requests.cpu": "1", "limits.memory": "1Gi"}),
            new(pod(asking({"cpu": "1"}, memory="2Gi"))),
            "exceeded quota: most, requested: limits.memory=2Gi, used: limits.memory=0,"
            " limited: limits.memory=1Gi",
        ),
        (
            quota({"requests.cpu": "1", "limits.memory": "1Gi"}),
            new(pod({}, asking({"cpu": "1"}))),
            "failed quota: most: must specify limits.memory for: c0,c1; requests.cpu for: c0",
        ),
        (quota({"pods": "0"}, scopes=["Terminating"]), new(pod({})), ""),
        (
            quota({"count/configmaps": "2"}, {"count/configmaps": "2"}),
            new(ConfigMap()),
            "exceeded quota: most, requested: count/configmaps=1, used: count/configmaps=2,"
            " limited: count/configmaps=2",
        ),
    ],
)
def test_refusals(held: ResourceQuota, change: Change, refusal: str) -> None:
    assert charge(held, [change])[1] == refusal


@given(
    st.lists(
        st.tuples(st.sampled_from(["1m", "250m", "1", "3"]), st.booleans(), st.booleans()),
        max_size=12,
    )
)
def test_counts_kept_step_by_step_are_those_of_a_recount(
    steps: list[tuple[str, bool, bool]],
) -> None:
    held = quota({"pods": "100", "requests.cpu": "100", "count/pods": "100"})
    there: list[Pod] = []
    for cpu, is_new, ends in steps:
        if is_new or not there:
            made = pod(asking({"cpu": cpu}))
            there.append(made)
            changes = [new(made)]
        elif ends:
            old = there.pop()
            ended = msgspec.structs.replace(old, status=type(old.status)(phase="Failed"))
            there.append(ended)
            changes = [Change("x", old, ended)]
        else:
            changes = [gone(there.pop())]
        held.status, refusal = charge(held, changes)
        assert refusal == ""
        assert held.status == counted(held, there)


@given(st.integers(0, 10**9), st.sampled_from([1, 1000, 1024, 1024**3]))
def test_what_is_written_is_what_was_meant(number: int, scale: int) -> None:
    value = Fraction(number * scale, 1000)
    assert parse_quantity(written(value)) == value
