"""Which ResourceQuotas there can be."""

from typing import Any

import msgspec
import pytest

from kernel.api.causes import Causes
from kernel.api.quota.rules import check_quota, check_quota_update
from kernel.objects.resource_policies import ResourceQuota


def quota(**spec: Any) -> ResourceQuota:
    return msgspec.convert({"spec": spec}, ResourceQuota)


def clause(scope: str, operator: str, *values: str) -> dict[str, Any]:
    one = {"scopeName": scope, "operator": operator, "values": list(values)}
    return {"matchExpressions": [one]}


def complaints(made: ResourceQuota) -> list[str]:
    causes = Causes()
    check_quota(made, causes)
    return [f"{cause.field}: {cause.message}" for cause in causes.found]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (quota(hard={"pods": "1", "requests.cpu": "500m", "count/jobs.batch": "2"}), []),
        (quota(hard={"example.com/gpu": "1", "hugepages-2Mi": "1Gi"}), []),
        (
            quota(hard={"pod": "1"}),
            ['spec.hard[pod]: Invalid value: "pod": must be a standard resource for quota'],
        ),
        (
            quota(hard={"pods": "500m"}),
            ['spec.hard[pods]: Invalid value: "500m": must be an integer'],
        ),
        (
            quota(hard={"pods": "-1"}),
            [
                'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
            ],
        ),
        (quota(hard={"pods": "1"}, scopes=["BestEffort"]), []),
        (
            quota(hard={"cpu": "1"}, scopes=["BestEffort"]),
            [
                'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
            ],
        ),
        (
            quota(scopes=["Terminating", "NotTerminating"]),
            ['spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes'],
        ),
        (
            quota(hard={f"hugepages-{n}": "1" for n in range(3000)}, scopes=["BestEffort"] * 3000),
            [
                "spec.scopes: Invalid value: [" + ",".join(['"BestEffort"'] * 3000) + "]:"
                " unsupported scope applied to resource"
            ],
        ),
        (quota(scopes=["Big"]), ['spec.scopes: Invalid value: ["Big"]: unsupported scope']),
        (quota(scopeSelector=clause("PriorityClass", "In", "high")), []),
        (
            quota(scopeSelector=clause("PriorityClass", "In")),
            [
                "spec.scopeSelector.matchExpressions.values: Required value: must be at least one"
                " value when `operator` is 'In' or 'NotIn' for scope selector"
            ],
        ),
        (
            quota(scopeSelector=clause("PriorityClass", "Near")),
            [
                'spec.scopeSelector.matchExpressions.operator: Invalid value: "Near": not a valid'
                " selector operator"
            ],
        ),
    ],
)
def test_rules(made: ResourceQuota, expected: list[str]) -> None:
    assert complaints(made) == expected


def test_scopes_never_change() -> None:
    causes = Causes()
    check_quota_update(quota(scopes=["Terminating"]), quota(), causes)
    (cause,) = causes.found
    assert (cause.field, cause.message) == (
        "spec.scopes",
        'Invalid value: ["Terminating"]: field is immutable',
    )
