"""Rules in CEL: what definitions may say, and what objects are told."""

from typing import Any

import msgspec
import pytest

from kernel.api.causes import Causes
from kernel.api.custom_resources.rules.checking import check_rules, check_rules_of_schema
from kernel.api.custom_resources.value_validation import ABSENT
from kernel.objects.json_schema import JSONSchemaProps

FIELDS: dict[str, Any] = {
    "replicas": {"type": "integer"},
    "max": {"type": "integer"},
    "share": {"type": "number"},
    "url": {"type": "string"},
    "size": {"type": "string"},
    "address": {"type": "string"},
    "since": {"type": "string", "format": "date-time"},
    "patience": {"type": "string", "format": "duration"},
    "names": {"type": "array", "items": {"type": "string"}},
    "numbers": {"type": "array", "items": {"type": "integer"}},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "foo-bar": {"type": "integer"},
    "in": {"type": "string"},
    "port": {"x-kubernetes-int-or-string": True},
}
VALUE: dict[str, Any] = {
    "replicas": 3,
    "max": 5,
    "share": 1,
    "url": "https://example.com:8443/a?b=c",
    "size": "2Gi",
    "address": "192.0.2.7",
    "since": "2026-01-01T00:00:00Z",
    "patience": "1m30s",
    "names": ["a", "b"],
    "numbers": [1, 2, 2],
    "labels": {"tier": "web"},
    "foo-bar": 7,
    "in": "x",
    "port": 80,
}


def schema_with(rule: str, **more: Any) -> JSONSchemaProps:
    document: dict[str, Any] = {"type": "object", "properties": FIELDS}
    document["x-kubernetes-validations"] = [{"rule": rule} | more]
    return msgspec.convert(document, JSONSchemaProps)


def broken(rule: str, old: Any = ABSENT, value: Any = VALUE, **more: Any) -> list[str]:
    """What is said of `spec` where the rule does not hold."""
    causes = Causes()
    check_rules(value, schema_with(rule, **more), "spec", causes, old)
    return [f"{cause.field}: {cause.message}" for cause in causes.found]


def refused(rule: str, **more: Any) -> list[str]:
    """What is said of a definition with the rule."""
    causes = Causes()
    check_rules_of_schema(schema_with(rule, **more), "schema", causes, is_root=False)
    return [cause.message for cause in causes.found]


@pytest.mark.parametrize(
    "rule",
    [
        "self.replicas <= self.max",
        "has(self.max) && !has(self.labels.none)",
        "self.share / 2.0 == 0.5",
        "self.names.all(n, n.size() == 1) && self.names.exists_one(n, n == 'a')",
        "self.names.map(n, n + '!') == ['a!', 'b!'] && size(self.names.filter(n, n > 'a')) == 1",
        "self.numbers.isSorted() && self.numbers.sum() == 5 && self.numbers.max() == 2",
        "self.numbers.min() == 1 && self.numbers.indexOf(2) == 1",
        "self.numbers.lastIndexOf(2) == 2 && self.names.join('-') == 'a-b'",
        "isURL(self.url) && url(self.url).getScheme() == 'https'",
        "url(self.url).getHost() == 'example.com:8443' && url(self.url).getPort() == '8443'",
        "url(self.url).getEscapedPath() == '/a' && url(self.url).getQuery() == {'b': ['c']}",
        "quantity(self.size).isGreaterThan(quantity('1Gi')) && !isQuantity('ten')",
        "quantity(self.size).add(quantity('1Gi')).compareTo(quantity('3Gi')) == 0",
        "isIP(self.address) && cidr('192.0.2.0/24').containsIP(self.address)",
        "ip(self.address).family() == 4 && !ip(self.address).isLoopback()",
        "self.since.getFullYear() == 2026 && self.since < timestamp('2027-01-01T00:00:00Z')",
        "self.patience == duration('90s')",
        "self.labels.all(k, self.labels[k] == 'web') && 'tier' in self.labels",
        "self.foo__dash__bar == 7 && self.__in__ == 'x'",
        "type(self.port) == string || self.port > 79",
        "'a1b22'.findAll('[0-9]+') == ['1', '22'] && 'a1'.find('[0-9]') == '1'",
        "'A,b'.lowerAscii().split(',') == ['a', 'b'] && 'abc'.substring(1, 2) == 'b'",
        "' x '.trim() == 'x' && 'abc'.replace('b', '') == 'ac' && 'abc'.charAt(1) == 'b'",
        "!format.dns1123Label().validate('web').hasValue()",
        "format.dns1123Label().validate('W').hasValue()",
        "'abc'.matches('^a.c$') && sets.contains(self.numbers, [1])",
    ],
)
def test_a_rule_that_holds(rule: str) -> None:
    assert refused(rule) == []
    assert broken(rule) == []


def test_a_rule_that_is_broken() -> None:
    rule = "self.max < self.replicas"
    said = 'spec: Invalid value: "object": '
    assert broken(rule) == [f"{said}failed rule: {rule}"]
    assert broken(rule, message="too many") == [f"{said}too many"]
    told = broken(rule, messageExpression="'more than ' + string(self.max)", message="too many")
    assert told == [f"{said}more than 5"]
    assert broken(rule, messageExpression="self.labels['none']", message="m") == [f"{said}m"]
    assert broken(rule, fieldPath=".replicas") == [
        f'spec.replicas: Invalid value: "object": failed rule: {rule}'
    ]
    forbidden = broken(rule, reason="FieldValueForbidden", message="no")
    assert forbidden == ["spec: Forbidden: no"]


def test_a_rule_that_fails() -> None:
    rule = "self.labels['none'] == 'x'"
    assert broken(rule) == [
        f'spec: Invalid value: "object": no such key: none evaluating rule: {rule}'
    ]


def test_rules_about_a_change() -> None:
    rule = "self.replicas >= oldSelf.replicas"
    assert broken(rule) == []
    assert broken(rule, VALUE | {"replicas": 2}) == []
    assert broken(rule, VALUE | {"replicas": 4}) != []
    careful = "!oldSelf.hasValue() || oldSelf.value().replicas <= self.replicas"
    assert broken(careful, optionalOldSelf=True) == []
    assert broken(careful, VALUE | {"replicas": 4}, optionalOldSelf=True) != []


def test_what_has_not_changed_is_not_asked_again() -> None:
    assert broken("self.max < self.replicas", VALUE) == []
    assert broken("self.max < self.replicas", VALUE | {"share": 2}) != []


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("self.replicas +", "compilation failed: ERROR: <input>:1:16: Syntax error"),
        ("self.none > 1", "compilation failed: ERROR: <input>:1:5: undefined field 'none'"),
        ("this.replicas > 1", "undeclared reference to 'this'"),
        ("unheardOf(self.replicas)", "undeclared reference to 'unheardOf'"),
        ("self.?max.orValue(1) > 0", "compilation failed"),
        (r"r'\' == self.none + ''", "undefined field 'none'"),
        (r"'\'' == self.none", "undefined field 'none'"),
        ("'" + r"\a" * 1000, "compilation failed"),
        ('"""' + r"\a" * 1000, "compilation failed"),
    ],
    ids=lambda text: text[:20],
)
def test_a_rule_that_is_none(rule: str, said: str) -> None:
    (message,) = refused(rule)
    assert said in message


def test_what_else_a_rule_must_not_be() -> None:
    assert "Required value: rule is not specified" in refused(" ")
    assert any("must be a valid path" in one for one in refused("true", fieldPath=".none"))
    assert any("Unsupported value" in one for one in refused("true", reason="Because"))
    assert any("may not be set if oldSelf" in one for one in refused("true", optionalOldSelf=True))
    items = schema_with("self == oldSelf")
    listed = JSONSchemaProps(type="array", items=items)
    causes = Causes()
    check_rules_of_schema(listed, "schema", causes, is_root=False)
    assert "uncorrelatable" in causes.found[0].message
