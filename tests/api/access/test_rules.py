"""What a rule allows, and what rules lack of others."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from kernel.api.access.attributes import Attributes, refusal
from kernel.api.access.rules import FULL_AUTHORITY, allows, compacted, shown, uncovered
from kernel.objects.authentication import UserInfo
from kernel.objects.rbac import PolicyRule

GET_PODS = PolicyRule(verbs=["get"], api_groups=[""], resources=["pods"])


def rule(verbs: str, groups: str, resources: str, names: str = "") -> PolicyRule:
    """A rule from words; `core` is the core group."""
    return PolicyRule(
        verbs=verbs.split(),
        api_groups=["" if group == "core" else group for group in groups.split()],
        resources=resources.split(),
        resource_names=names.split(),
    )


def paths(verbs: str, urls: str) -> PolicyRule:
    return PolicyRule(verbs=verbs.split(), non_resource_urls=urls.split())


@pytest.mark.parametrize(
    ("given_rule", "asked", "allowed"),
    [
        (GET_PODS, Attributes("get", "", "pods", "", "default", "web"), True),
        (GET_PODS, Attributes("get", "", "pods"), True),
        (GET_PODS, Attributes("list", "", "pods"), False),
        (GET_PODS, Attributes("get", "apps", "pods"), False),
        (GET_PODS, Attributes("get", "", "services"), False),
        (GET_PODS, Attributes("get", "", "pods", "log"), False),
        (rule("get", "core", "pods/log"), Attributes("get", "", "pods", "log"), True),
        (rule("get", "core", "pods/log"), Attributes("get", "", "pods"), False),
        (rule("get", "core", "pods/*"), Attributes("get", "", "pods", "log"), False),
        (rule("update", "*", "*/scale"), Attributes("update", "apps", "x", "scale"), True),
        (rule("update", "*", "*/scale"), Attributes("update", "apps", "x", "status"), False),
        (rule("*", "*", "*"), Attributes("escalate", "any", "thing", "part"), True),
        (rule("get", "core", "pods", "web"), Attributes("get", "", "pods", "", "", "web"), True),
        (rule("get", "core", "pods", "web"), Attributes("get", "", "pods", "", "", "db"), False),
        (rule("list", "core", "pods", "web"), Attributes("list", "", "pods"), False),
        (rule("*", "*", "*"), Attributes("get", path="/version"), False),
        (paths("get", "/version"), Attributes("get", path="/version"), True),
        (paths("get", "/version"), Attributes("post", path="/version"), False),
        (paths("get", "/version"), Attributes("get", path="/versions"), False),
        (paths("get", "/apis/*"), Attributes("get", path="/apis/apps"), True),
        (paths("get", "/apis/*"), Attributes("get", path="/apis"), False),
        (paths("*", "*"), Attributes("get", path="/"), True),
        (paths("*", "*"), Attributes("get", "", "pods"), False),
    ],
)
def test_what_a_rule_allows(given_rule: PolicyRule, asked: Attributes, allowed: bool) -> None:
    assert allows(given_rule, asked) is allowed


@pytest.mark.parametrize(
    ("held", "wanted", "lacking"),
    [
        ([GET_PODS], [GET_PODS], []),
        ([], [GET_PODS], ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}']),
        (FULL_AUTHORITY, [rule("*", "*", "*"), paths("*", "*")], []),
        (
            [rule("get list", "core", "pods")],
            [rule("get list delete create", "core", "pods")],
            ['{APIGroups:[""], Resources:["pods"], Verbs:["delete" "create"]}'],
        ),
        (
            [rule("get", "core", "pods", "web")],
            [rule("get", "core", "pods", "web db")],
            ['{APIGroups:[""], Resources:["pods"], ResourceNames:["db"], Verbs:["get"]}'],
        ),
        (
            [rule("get", "core", "pods", "web")],
            [GET_PODS],
            ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
        ),
        ([rule("get", "*", "*/log")], [rule("get", "core", "pods/log")], []),
        (
            [paths("get", "/apis/*")],
            [paths("get", "/apis/apps /api")],
            ['{NonResourceURLs:["/api"], Verbs:["get"]}'],
        ),
        ([GET_PODS], [paths("get", "/api")], ['{NonResourceURLs:["/api"], Verbs:["get"]}']),
    ],
)
def test_what_is_lacking(
    held: Sequence[PolicyRule], wanted: Sequence[PolicyRule], lacking: Sequence[str]
) -> None:
    assert [shown(one) for one in compacted(uncovered(held, wanted))] == list(lacking)


VERBS = st.sampled_from(["get", "list", "*"])
GROUPS = st.sampled_from(["", "apps", "*"])
RESOURCES = st.sampled_from(["pods", "pods/log", "*/log", "*"])
NAMES = st.sampled_from(["web", "db"])
URLS = st.sampled_from(["/api", "/api/*", "/ap*", "*"])
RULES = st.one_of(
    st.builds(
        PolicyRule,
        verbs=st.lists(VERBS, min_size=1, max_size=2),
        api_groups=st.lists(GROUPS, min_size=1, max_size=2),
        resources=st.lists(RESOURCES, min_size=1, max_size=2),
        resource_names=st.lists(NAMES, max_size=2),
    ),
    st.builds(
        PolicyRule,
        verbs=st.lists(VERBS, min_size=1, max_size=2),
        non_resource_urls=st.lists(URLS, min_size=1, max_size=2),
    ),
)
ASKED = st.one_of(
    st.builds(
        Attributes,
        verb=st.sampled_from(["get", "list", "delete"]),
        group=st.sampled_from(["", "apps", "batch"]),
        resource=st.sampled_from(["pods", "jobs"]),
        subresource=st.sampled_from(["", "log"]),
        name=st.sampled_from(["", "web", "db"]),
    ),
    st.builds(
        Attributes,
        verb=st.sampled_from(["get", "post"]),
        path=st.sampled_from(["/", "/api", "/api/v1", "/apis"]),
    ),
)


@given(st.lists(RULES, max_size=3), st.lists(RULES, max_size=3), ASKED)
def test_who_lacks_nothing_may_do_as_much(
    held: list[PolicyRule], wanted: list[PolicyRule], asked: Attributes
) -> None:
    """Nothing that is given away allows what its giver may not do."""
    if not uncovered(held, wanted) and any(allows(one, asked) for one in wanted):
        assert any(allows(one, asked) for one in held)


@given(st.lists(RULES, max_size=3), st.lists(RULES, max_size=3), ASKED)
def test_what_is_held_and_what_is_lacking_make_up_what_is_wanted(
    held: list[PolicyRule], wanted: list[PolicyRule], asked: Attributes
) -> None:
    lacking = uncovered(held, wanted)
    assert uncovered([*held, *lacking], wanted) == []
    if any(allows(one, asked) for one in wanted):
        assert any(allows(one, asked) for one in (*held, *lacking))


@given(st.lists(RULES, max_size=4), ASKED)
def test_rules_made_compact_allow_the_same(rules: list[PolicyRule], asked: Attributes) -> None:
    parts = uncovered([], rules)
    before = any(allows(one, asked) for one in parts)
    assert any(allows(one, asked) for one in compacted(parts)) is before
    assert any(allows(one, asked) for one in rules) is before


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            Attributes("list", "", "pods", "", "default"),
            'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the'
            ' namespace "default"',
        ),
        (
            Attributes("get", "apps", "deployments", "scale", "shop", "web"),
            'deployments.apps "web" is forbidden: User "jane" cannot get resource'
            ' "deployments/scale" in API group "apps" in the namespace "shop"',
        ),
        (
            Attributes("list", "", "nodes"),
            'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the'
            " cluster scope",
        ),
        (
            Attributes("get", path="/metrics"),
            'forbidden: User "jane" cannot get path "/metrics"',
        ),
    ],
)
def test_a_refusal_has_kubernetes_words(asked: Attributes, message: str) -> None:
    assert refusal(UserInfo(username="jane"), asked).message == message
