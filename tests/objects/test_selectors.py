from typing import Any

import pytest
from hypothesis import given, strategies as st

from kernel.objects.event import Event, EventSource, ObjectReference
from kernel.objects.kind import Column, Kind
from kernel.objects.meta import LabelSelector, LabelSelectorRequirement
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.objects.pod_status import PodIP
from kernel.objects.selectors import (
    SelectorError,
    label_matcher,
    parse_field_selector,
    parse_label_selector,
    supported_fields,
)

LABELS = {"app": "web", "tier": "a", "cores": "8", "empty": ""}


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web", True),
        ("app=db", False),
        ("app!=db", True),
        ("app!=web", False),
        ("zone!=x", True),
        ("app", True),
        ("zone", False),
        ("!zone", True),
        ("! zone", True),
        ("!app", False),
        ("tier in (a,b)", True),
        ("tier in (b, c)", False),
        ("zone in (a)", False),
        ("tier notin (a)", False),
        ("zone notin (a)", True),
        ("tier in (a),app=web,!zone", True),
        ("tier in (a),app=web,zone", False),
        ("empty=", True),
        ("empty=,app=web", True),
        ("app=", False),
        ("zone=", False),
        ("empty in (,x)", True),
        ("cores>7", True),
        ("cores>8", False),
        ("cores<9", True),
        ("app<9", False),
        ("zone>1", False),
        ("in", False),
        ("example.com/app!=x", True),
    ],
)
def test_label_selector_text(selector: str, matches: bool) -> None:
    assert parse_label_selector(selector).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("app=web db", "found 'db' at character 9 of \"app=web db\", expected: ',' or the end"),
        ("app,", "found the end at character 5 of \"app,\", expected: a label after ','"),
        ("=web", "found '=' at character 1"),
        ("tier in a", "found 'a' at character 9 of \"tier in a\", expected: '('"),
        ("tier in (a", "expected: ',' or ')'"),
        ("tier is a", "expected: in, notin, =, ==, !=, > or <"),
        ("!", "expected: a label"),
        ("a b=c", "found 'b' at character 3"),
        (",a", "found ','"),
        ("-app=web", 'Invalid value in "-app=web": "-app": name part must consist of'),
        ("app=we_b-", '"we_b-": a valid label must be'),
        ("a/b/c=d", "a valid label key must"),
        ("/app", "prefix part must be non-empty"),
        ("cores>many", "the value must be an integer"),
        (f"app={'x' * 64}", "must be no more than 63 bytes"),
    ],
)
def test_wrong_label_selectors_say_where(selector: str, message: str) -> None:
    with pytest.raises(SelectorError) as failure:
        parse_label_selector(selector)
    assert message in str(failure.value)


def test_an_empty_selector_is_false() -> None:
    assert not parse_label_selector(" ")
    assert parse_label_selector("app")


def selector_of(*expressions: tuple[str, str, list[str]], **labels: str) -> LabelSelector:
    return LabelSelector(
        match_labels=labels,
        match_expressions=[
            LabelSelectorRequirement(key=key, operator=operator, values=values)
            for key, operator, values in expressions
        ],
    )


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        (None, False),
        (selector_of(), True),
        (selector_of(app="web"), True),
        (selector_of(app="web", zone="x"), False),
        (selector_of(("tier", "In", ["a", "b"])), True),
        (selector_of(("tier", "NotIn", ["a"])), False),
        (selector_of(("zone", "NotIn", ["a"])), True),
        (selector_of(("app", "Exists", [])), True),
        (selector_of(("app", "DoesNotExist", [])), False),
        (selector_of(("tier", "In", ["a"]), app="db"), False),
    ],
)
def test_label_selector_struct(selector: LabelSelector | None, matches: bool) -> None:
    assert label_matcher(selector).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        (selector_of(("tier", "in", ["a"])), '"in" is not a valid label selector operator'),
        (selector_of(("tier", "In", [])), "values must be given for operator In"),
        (selector_of(("tier", "Exists", ["a"])), "values must not be given"),
        (selector_of(app="-"), "a valid label must be"),
    ],
)
def test_wrong_label_selector_structs(selector: LabelSelector, message: str) -> None:
    with pytest.raises(SelectorError) as failure:
        label_matcher(selector)
    assert message in str(failure.value)


keys = st.sampled_from(["app", "tier", "example.com/zone", "in"])
values = st.sampled_from(["", "a", "b", "web-1"])


@given(st.dictionaries(keys, values), keys, st.sets(values, min_size=1))
def test_in_and_notin_are_opposites(labels: dict[str, str], key: str, chosen: set[str]) -> None:
    listed = ",".join(sorted(chosen))
    inside = parse_label_selector(f"{key} in ({listed})").matches(labels)
    outside = parse_label_selector(f"{key} notin ({listed})").matches(labels)
    assert inside is (labels.get(key) in chosen)
    assert outside is not inside


def a_pod() -> Pod:
    pod = Pod()
    pod.metadata.name, pod.metadata.namespace = "web", "default"
    pod.spec.node_name = "node1"
    pod.status.phase = "Running"
    pod.status.pod_ips = [PodIP(ip="10.0.0.1"), PodIP(ip="fd00::1")]
    return pod


A_POD_ON_THE_WIRE: dict[str, Any] = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"nodeName": "node1"},
    "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}, {"ip": "fd00::1"}]},
}


@pytest.mark.parametrize("obj", [a_pod(), A_POD_ON_THE_WIRE], ids=["struct", "wire"])
@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("", True),
        ("metadata.name=web", True),
        ("metadata.name==web,metadata.namespace=default", True),
        ("metadata.name!=web", False),
        ("spec.nodeName=node1,status.phase!=Succeeded,status.phase!=Failed", True),
        ("spec.host=node1", True),
        ("spec.nodeName=", False),
        ("status.podIP=", True),
        ("status.podIPs=fd00::1", True),
        ("status.podIPs=10.0.0.2", False),
        ("spec.hostNetwork=false", True),
        ("spec.hostNetwork=true", False),
    ],
)
def test_field_selectors(selector: str, matches: bool, obj: Any) -> None:
    matcher = parse_field_selector(selector, supported_fields(Pod.info))
    assert matcher.matches(obj) is matches


def test_events_are_selected_by_what_they_are_about() -> None:
    event = Event(
        involved_object=ObjectReference(kind="Pod", name="web", uid="1"),
        source=EventSource(component="scheduler"),
        type="Warning",
    )
    supported = supported_fields(Event.info)
    for selector in (
        "involvedObject.kind=Pod,involvedObject.name=web,involvedObject.uid=1",
        "source=scheduler,type=Warning,type!=Normal",
    ):
        assert parse_field_selector(selector, supported).matches(event)
    assert not parse_field_selector("source=kubelet", supported).matches(event)


def test_exact_requirements_can_be_looked_up() -> None:
    selector = "metadata.name=web,metadata.namespace!=x,spec.nodeName=n"
    matcher = parse_field_selector(selector, supported_fields(Pod.info))
    assert matcher.exact("metadata.name") == "web"
    assert matcher.exact("metadata.namespace") is None
    assert matcher.exact("status.phase") is None
    assert bool(matcher)
    assert not parse_field_selector("", supported_fields(Pod.info))


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("spec.image=x", "field label not supported: spec.image"),
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("metadata.name=a=b", "can't understand 'metadata.name=a=b'"),
        ("=a", "can't understand '=a'"),
        ("metadata.name=a\\", "can't understand"),
    ],
)
def test_wrong_field_selectors(selector: str, message: str) -> None:
    with pytest.raises(SelectorError) as failure:
        parse_field_selector(selector, supported_fields(Pod.info))
    assert message in str(failure.value)


@given(st.text(alphabet="ab,=\\!", max_size=8))
def test_escaped_values_come_back(value: str) -> None:
    escaped = "".join("\\" + sign if sign in ",=\\" else sign for sign in value)
    matcher = parse_field_selector(f"metadata.name={escaped}", supported_fields(Pod.info))
    assert matcher.exact("metadata.name") == value


def test_supported_fields_are_those_of_the_kind() -> None:
    class Gadget(
        Kind,
        group="example.dev",
        version="v1",
        columns=[Column(name="Size", path="spec.size")],
    ):
        spec: dict[str, Any] = {}

    assert supported_fields(Node.info) == {
        *("metadata.name", "metadata.namespace", "spec.unschedulable"),
    }
    gadget = Gadget(spec={"size": 3})
    matcher = parse_field_selector("spec.size=3", supported_fields(Gadget.info))
    assert matcher.matches(gadget)
