"""Which requests a webhook is asked about, as a table and by rules that must always hold."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from kernel.api.webhooks.matching import (
    RequestSort,
    matched_info,
    rule_matches,
    selects_namespace,
    selects_objects,
)
from kernel.objects.apps import Deployment
from kernel.objects.config import ConfigMap
from kernel.objects.kind import KindInfo
from kernel.objects.meta import LabelSelector, ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod import Pod
from kernel.objects.selectors import label_matcher
from kernel.objects.webhook_configuration import (
    MutatingWebhookConfiguration,
    RuleWithOperations,
)


def a_rule(**parts: Any) -> RuleWithOperations:
    whole: dict[str, Any] = {
        "operations": ["*"],
        "api_groups": ["*"],
        "api_versions": ["*"],
        "resources": ["*/*"],
    }
    return RuleWithOperations(**(whole | parts))


@pytest.mark.parametrize(
    ("parts", "info", "operation", "subresource", "expected"),
    [
        ({}, Pod.info, "CREATE", "", True),
        ({}, Pod.info, "CONNECT", "exec", True),
        ({"operations": ["CREATE", "UPDATE"]}, Pod.info, "UPDATE", "", True),
        ({"operations": ["CREATE"]}, Pod.info, "DELETE", "", False),
        ({"api_groups": [""]}, Pod.info, "CREATE", "", True),
        ({"api_groups": [""]}, Deployment.info, "CREATE", "", False),
        ({"api_groups": ["apps"], "api_versions": ["v1"]}, Deployment.info, "CREATE", "", True),
        ({"api_versions": ["v1beta1"]}, Deployment.info, "CREATE", "", False),
        ({"resources": ["pods"]}, Pod.info, "CREATE", "", True),
        ({"resources": ["pods"]}, Pod.info, "UPDATE", "status", False),
        ({"resources": ["pods/status"]}, Pod.info, "UPDATE", "status", True),
        ({"resources": ["pods/status"]}, Pod.info, "UPDATE", "", False),
        ({"resources": ["pods/*"]}, Pod.info, "CREATE", "binding", True),
        ({"resources": ["*"]}, Pod.info, "CREATE", "binding", False),
        ({"resources": ["*"]}, ConfigMap.info, "CREATE", "", True),
        ({"resources": ["*/scale"]}, Deployment.info, "UPDATE", "scale", True),
        ({"resources": ["nodes", "pods"]}, Pod.info, "CREATE", "", True),
        ({"scope": "*"}, Node.info, "UPDATE", "", True),
        ({"scope": "Cluster"}, Node.info, "UPDATE", "", True),
        ({"scope": "Cluster"}, Namespace.info, "CREATE", "", True),
        ({"scope": "Namespaced"}, Namespace.info, "CREATE", "", False),
        ({"scope": "Namespaced"}, Pod.info, "CREATE", "", True),
        ({"scope": "Cluster"}, Pod.info, "CREATE", "", False),
    ],
)
def test_a_rule_holds_of_a_request(
    parts: dict[str, Any], info: KindInfo, operation: str, subresource: str, expected: bool
) -> None:
    assert rule_matches(a_rule(**parts), RequestSort(info, operation, subresource)) is expected


def test_an_equivalent_version_stands_in_for_the_one_that_a_rule_names() -> None:
    old = KindInfo("apps", "v1beta1", "Deployment", "deployments", "deployment")
    sort = RequestSort(Deployment.info, "CREATE")
    rule = a_rule(api_versions=["v1beta1"])
    assert matched_info([rule], "Equivalent", sort, [old]) == old
    assert matched_info([rule], "Exact", sort, [old]) is None
    both = [rule, a_rule()]
    assert matched_info(both, "Equivalent", sort, [old]) == Deployment.info, (
        "its own version goes first"
    )


def test_configurations_themselves_match_nothing() -> None:
    sort = RequestSort(MutatingWebhookConfiguration.info, "DELETE")
    assert matched_info([a_rule()], "Exact", sort, []) is None


def test_selectors_look_at_both_objects_and_pass_over_what_has_no_labels() -> None:
    wanted = label_matcher(LabelSelector(match_labels={"a": "b"}))
    everything = label_matcher(LabelSelector())
    labelled = ConfigMap(metadata=ObjectMeta(labels={"a": "b"}))
    assert selects_objects(wanted, labelled, None)
    assert selects_objects(wanted, ConfigMap(), labelled)
    assert not selects_objects(wanted, ConfigMap(), None)
    assert not selects_objects(wanted, LabelSelector(), None)
    assert selects_objects(everything, LabelSelector(), None)
    assert selects_namespace(wanted, None), "what is in no namespace is always selected"
    assert not selects_namespace(wanted, {"a": "c"})
    assert selects_namespace(wanted, {"a": "b", "c": "d"})


OPERATIONS = st.sampled_from(["CREATE", "UPDATE", "DELETE", "CONNECT"])
INFOS = st.sampled_from([kind.info for kind in (Pod, Node, Namespace, Deployment)])
SUBRESOURCES = st.sampled_from(["", "status", "scale", "exec"])
SORTS = st.builds(RequestSort, INFOS, OPERATIONS, SUBRESOURCES)
RULES = st.builds(
    RuleWithOperations,
    operations=st.lists(OPERATIONS | st.just("*"), min_size=1, max_size=2),
    api_groups=st.lists(st.sampled_from(["", "apps", "*"]), min_size=1, max_size=2),
    api_versions=st.lists(st.sampled_from(["v1", "v2", "*"]), min_size=1, max_size=2),
    resources=st.lists(
        st.sampled_from(["pods", "nodes", "*", "*/*", "pods/exec", "*/status", "deployments/*"]),
        min_size=1,
        max_size=3,
    ),
    scope=st.sampled_from([None, "*", "Cluster", "Namespaced"]),
)


@given(RULES, SORTS)
def test_more_in_a_rule_never_matches_less(rule: RuleWithOperations, sort: RequestSort) -> None:
    wider = a_rule(scope=rule.scope)
    for field in ("operations", "api_groups", "api_versions", "resources"):
        more = a_rule(
            **{
                name: getattr(rule, name) + (getattr(wider, name) if name == field else [])
                for name in ("operations", "api_groups", "api_versions", "resources", "scope")
                if name != "scope"
            },
            scope=rule.scope,
        )
        assert rule_matches(more, sort) >= rule_matches(rule, sort)
    assert rule_matches(wider, sort) >= rule_matches(rule, sort)


@given(RULES, SORTS)
def test_a_rule_of_several_values_is_one_rule_for_each(
    rule: RuleWithOperations, sort: RequestSort
) -> None:
    single = any(
        rule_matches(
            a_rule(
                operations=[o], api_groups=[g], api_versions=[v], resources=[r], scope=rule.scope
            ),
            sort,
        )
        for o in rule.operations
        for g in rule.api_groups
        for v in rule.api_versions
        for r in rule.resources
    )
    assert rule_matches(rule, sort) is single
