from typing import Any

import pytest

from kernel.api.defaulting import default
from kernel.api.validation import validate_create
from kernel.objects.decoding import decode
from kernel.objects.pod import Pod

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_EXPRESSION = f"affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms[0].matchExpressions[0]"


def causes_of(**spec: Any) -> list[tuple[str, str]]:
    whole = {"containers": [{"name": "web", "image": "nginx"}], **spec}
    pod = decode(Pod, {"metadata": {"name": "web", "namespace": "default"}, "spec": whole})
    default(pod)
    return [(cause.field.removeprefix("spec."), cause.message) for cause in validate_create(pod)]


def near_node(*expressions: dict[str, Any]) -> dict[str, Any]:
    terms = {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}
    return {"nodeAffinity": {_REQUIRED: terms}}


def spread(**fields: Any) -> dict[str, Any]:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}
    return constraint | fields


def test_a_place_that_is_said_well_is_accepted() -> None:
    term = {"topologyKey": "kubernetes.io/hostname"}
    affinity = near_node(
        {"key": "disk", "operator": "In", "values": ["ssd"]},
        {"key": "disk", "operator": "Exists"},
        {"key": "cores", "operator": "Gt", "values": ["4"]},
    )
    affinity["podAntiAffinity"] = {
        _REQUIRED: [term],
        _PREFERRED: [{"weight": 100, "podAffinityTerm": term}],
    }
    constraints = [spread(minDomains=2), spread(whenUnsatisfiable="ScheduleAnyway")]
    assert causes_of(affinity=affinity, topologySpreadConstraints=constraints) == []


@pytest.mark.parametrize(
    ("expression", "field", "message"),
    [
        (
            {"operator": "Inn"},
            "operator",
            'Invalid value: "Inn": not a valid selector operator',
        ),
        (
            {"operator": "NotIn"},
            "values",
            "Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"operator": "Exists", "values": ["x"]},
            "values",
            "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        (
            {"operator": "Lt", "values": ["1", "2"]},
            "values",
            "Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
        ),
    ],
)
def test_of_nodes(expression: dict[str, Any], field: str, message: str) -> None:
    affinity = near_node({"key": "disk", **expression})
    assert causes_of(affinity=affinity) == [(f"{_EXPRESSION}.{field}", message)]


def test_a_required_node_has_a_term() -> None:
    affinity: dict[str, Any] = {"nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": []}}}
    path = f"affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    assert causes_of(affinity=affinity) == [
        (path, "Required value: must have at least one node selector term")
    ]


def test_of_pods() -> None:
    weighted = {"weight": 0, "podAffinityTerm": {"topologyKey": ""}}
    affinity = {"podAffinity": {_REQUIRED: [{"topologyKey": "a b"}], _PREFERRED: [weighted]}}
    path = "affinity.podAffinity"
    (key, _), weight, nothing = causes_of(affinity=affinity)
    assert key == f"{path}.{_REQUIRED}[0].topologyKey"
    assert weight == (
        f"{path}.{_PREFERRED}[0].weight",
        "Invalid value: 0: must be in the range 1-100",
    )
    assert nothing == (
        f"{path}.{_PREFERRED}[0].podAffinityTerm.topologyKey",
        "Required value: can not be empty",
    )


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"maxSkew": 0}, "maxSkew", "Invalid value: 0: must be greater than zero"),
        ({"topologyKey": ""}, "topologyKey", "Required value: can not be empty"),
        (
            {"whenUnsatisfiable": "Wait"},
            "whenUnsatisfiable",
            'Unsupported value: "Wait": supported values: "DoNotSchedule", "ScheduleAnyway"',
        ),
        ({"minDomains": 0}, "minDomains", "Invalid value: 0: must be greater than zero"),
        (
            {"minDomains": 1, "whenUnsatisfiable": "ScheduleAnyway"},
            "minDomains",
            "Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule,"
            " not ScheduleAnyway",
        ),
    ],
)
def test_of_spreading(fields: dict[str, Any], field: str, message: str) -> None:
    found = causes_of(topologySpreadConstraints=[spread(**fields)])
    assert found == [(f"topologySpreadConstraints[0].{field}", message)]


def test_a_constraint_stands_once() -> None:
    assert causes_of(topologySpreadConstraints=[spread(), spread(maxSkew=2)]) == [
        (
            "topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}",
            'Duplicate value: "{zone, DoNotSchedule}"',
        )
    ]
