"""The fields of kinds that differ between versions, there and back, whole objects and patches."""

import copy
from typing import Any

import pytest
from hypothesis import given, strategies as st

from kernel.apiserver import version_fields as fields
from kernel.apiserver.parameters import Parameters

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("spec", "rules", "http", "paths", "backend", "defaultBackend", "metrics"),
                    *("serviceName", "servicePort", "service", "endpoints", "topology", "status"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
PAIRS = [
    (fields.event_to_core, fields.event_from_core),
    (fields.ingress_from_beta, fields.ingress_to_beta),
    (fields.slice_from_beta, fields.slice_to_beta),
]


@pytest.mark.parametrize(
    ("pair", "document"),
    [
        (PAIRS[0], {"note": "n", "regarding": {"name": "web"}, "deprecatedCount": 2, "type": ""}),
        (PAIRS[0], {"series": {"count": 2}}),
        (PAIRS[1], {"spec": {"backend": {"serviceName": "web", "servicePort": 80}}}),
        (PAIRS[1], {"spec": {"backend": {"resource": {"kind": "Bucket", "name": "b"}}}}),
        (PAIRS[2], {"endpoints": [{"addresses": ["10.0.0.1"], "topology": {"zone": "a"}}]}),
    ],
)
def test_there_and_back(pair: Any, document: dict[str, Any]) -> None:
    changed = copy.deepcopy(document)
    pair[0](changed)
    pair[1](changed)
    assert changed == document


def test_an_autoscaler_of_v1_has_one_metric() -> None:
    document: dict[str, Any] = {"spec": {"targetCPUUtilizationPercentage": 70}, "status": {}}
    fields.autoscaler_from_v1(document)
    (metric,) = document["spec"]["metrics"]
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 70}
    current = {
        "type": "Resource",
        "resource": {"name": "cpu", "current": {"averageUtilization": 9}},
    }
    document["status"]["currentMetrics"] = [current]
    fields.autoscaler_to_v1(document)
    assert document == {
        "spec": {"targetCPUUtilizationPercentage": 70},
        "status": {"currentCPUUtilizationPercentage": 9, "currentReplicas": 0},
    }


@given(JSON.filter(lambda value: isinstance(value, dict)))
def test_nothing_that_is_sent_breaks_them(document: dict[str, Any]) -> None:
    """What comes from a client may have any shape: who decodes it afterwards says what is wrong."""
    for change in (
        *(fields.event_to_core, fields.ingress_from_beta, fields.autoscaler_from_v1),
        *(fields.slice_from_beta, fields.select_template),
    ):
        change(copy.deepcopy(document))


def test_field_selectors_name_the_fields_of_the_present_version() -> None:
    parameters = Parameters("fieldSelector=regarding.name%3Dweb,reason!%3DSeen,note%3Dregarding")
    parameters.rename_fields(fields.EVENT_FIELDS)
    assert parameters.text("fieldSelector") == (
        "involvedObject.name=web,reason!=Seen,message=regarding"
    )
