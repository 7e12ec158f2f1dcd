"""Label and field selectors: from text or struct to cheap objects that match.

Label selectors: `app=web,tier in (a,b),!legacy,zone notin (x),canary,cores>4`. All clauses must
hold. As in Kubernetes, `!=` and `notin` also hold where the label is absent.

Field selectors: `metadata.name=web,status.phase!=Running`, over the fields that the kind offers.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from kernel.objects.custom_object import CustomObject
from kernel.objects.kind import KindInfo
from kernel.objects.meta import LabelSelector
from kernel.objects.name_syntax import label_value_errors, qualified_name_errors

Operator = Literal["in", "notin", "exists", "absent", "gt", "lt"]


class SelectorError(ValueError):
    """The text or struct is no selector; the message says where and what was expected."""


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """One clause of a label selector. `values` is empty for `exists` and `absent`."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "absent":
                return value is None
        number, bound = _integer(value), _integer(next(iter(self.values)))
        if number is None or bound is None:
            return False
        return number > bound if self.operator == "gt" else number < bound


@dataclass(frozen=True, slots=True)
class LabelMatcher:
    """A parsed label selector; without requirements it matches everything."""

    requirements: tuple[LabelRequirement, ...] = ()
    matches_nothing: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        if self.matches_nothing:
            return False
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __bool__(self) -> bool:
        """Whether it selects at all: an empty selector is false."""
        return self.matches_nothing or bool(self.requirements)


def label_matcher(selector: LabelSelector | None) -> LabelMatcher:
    """The matcher of a LabelSelector: empty selects everything, None nothing, as in Kubernetes.

    Raises `SelectorError`.
    """
    if selector is None:
        return LabelMatcher(matches_nothing=True)
    requirements = [
        _checked(LabelRequirement(key, "in", frozenset((value,))), key)
        for key, value in selector.match_labels.items()
    ]
    for expression in selector.match_expressions:
        operator = _EXPRESSION_OPERATORS.get(expression.operator)
        if operator is None:
            raise SelectorError(f'"{expression.operator}" is not a valid label selector operator')
        if (operator in ("in", "notin")) != bool(expression.values):
            rule = "must be" if operator in ("in", "notin") else "must not be"
            raise SelectorError(
                f"{expression.key}: values {rule} given for operator {expression.operator}"
            )
        values = frozenset(expression.values)
        requirements.append(
            _checked(LabelRequirement(expression.key, operator, values), expression.key)
        )
    return LabelMatcher(tuple(requirements))


_EXPRESSION_OPERATORS: Mapping[str, Operator] = {
    "In": "in",
    "NotIn": "notin",
    "Exists": "exists",
    "DoesNotExist": "absent",
}


def parse_label_selector(text: str) -> LabelMatcher:
    """The matcher of a selector's text form; raises `SelectorError`."""
    return LabelMatcher(tuple(_LabelParser(text).parse()))


def _integer(value: str | None) -> int | None:
    try:
        return int(value) if value is not None else None
    except ValueError:
        return None


def _checked(requirement: LabelRequirement, where: str) -> LabelRequirement:
    """The requirement, if its key and values can be a label's; else `SelectorError`."""
    errors = [f'"{requirement.key}": {error}' for error in qualified_name_errors(requirement.key)]
    for value in sorted(requirement.values):
        errors += [f'"{value}": {error}' for error in label_value_errors(value)]
    if requirement.operator in ("gt", "lt") and _integer(next(iter(requirement.values))) is None:
        errors.append("for 'Gt', 'Lt' operators, the value must be an integer")
    if errors:
        raise SelectorError(f'Invalid value in "{where}": {errors[0]}')
    return requirement


class _LabelParser:
    """Recursive descent over the tokens of a label selector."""

    _TOKEN = re.compile(r"\s*(==|!=|=|!|>|<|,|\(|\)|[^\s=!<>,()]+)")
    _SIGNS = ("==", "!=", "=", "!", ">", "<", ",", "(", ")")
    _SINGLE_VALUE: Mapping[str, Operator] = {
        "=": "in",
        "==": "in",
        "!=": "notin",
        ">": "gt",
        "<": "lt",
    }

    def __init__(self, text: str):
        self._text = text
        self._tokens = [(match[1], match.start(1)) for match in self._TOKEN.finditer(text)]
        self._next = 0

    def parse(self) -> list[LabelRequirement]:
        requirements: list[LabelRequirement] = []
        while self._peek():
            requirements.append(self._requirement())
            if not self._peek():
                break
            self._take(",", expected="',' or the end")
            if not self._peek():
                raise self._error("a label after ','")
        return requirements

    def _requirement(self) -> LabelRequirement:
        start = self._position()
        if self._peek() == "!":
            self._take("!")
            return self._checked_from(start, self._word("a label"), "absent", frozenset())
        key = self._word("a label or '!'")
        sign = self._peek()
        if sign in ("", ","):
            return self._checked_from(start, key, "exists", frozenset())
        if sign in self._SINGLE_VALUE:
            self._take(sign)
            value = "" if self._peek() in ("", ",") else self._word("a value")
            return self._checked_from(start, key, self._SINGLE_VALUE[sign], frozenset((value,)))
        if sign in ("in", "notin"):
            self._take(sign)
            operator: Operator = "in" if sign == "in" else "notin"
            return self._checked_from(start, key, operator, self._values())
        raise self._error("in, notin, =, ==, !=, > or <")

    def _checked_from(
        self, start: int, key: str, operator: Operator, values: frozenset[str]
    ) -> LabelRequirement:
        end = self._position()
        where = self._text[start:end].strip()
        return _checked(LabelRequirement(key, operator, values), where)

    def _values(self) -> frozenset[str]:
        self._take("(")
        values = {""} if self._peek() in (")", ",") else {self._word("a value")}
        while self._peek() == ",":
            self._take(",")
            values.add("" if self._peek() in (")", ",") else self._word("a value"))
        self._take(")", expected="',' or ')'")
        return frozenset(values)

    def _peek(self) -> str:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _position(self) -> int:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else len(self._text)

    def _take(self, sign: str, *, expected: str = "") -> None:
        if self._peek() != sign:
            raise self._error(expected or f"'{sign}'")
        self._next += 1

    def _word(self, expected: str) -> str:
        token = self._peek()
        if not token or token in self._SIGNS:
            raise self._error(expected)
        self._next += 1
        return token

    def _error(self, expected: str) -> SelectorError:
        found = f"'{self._peek()}'" if self._peek() else "the end"
        return SelectorError(
            f"unable to parse requirement: found {found} at character {self._position() + 1} of"
            f' "{self._text}", expected: {expected}'
        )


NAME_FIELDS = frozenset({"metadata.name", "metadata.namespace"})
"""The fields that every kind can be selected by."""

_SUPPORTED_FIELDS: Mapping[tuple[str, str], frozenset[str]] = {
    ("", "Pod"): frozenset(
        {
            *("spec.nodeName", "spec.restartPolicy", "spec.schedulerName"),
            *("spec.serviceAccountName", "spec.hostNetwork", "status.phase", "status.podIP"),
            *("status.podIPs", "status.nominatedNodeName"),
        }
    ),
    ("", "Node"): frozenset({"spec.unschedulable"}),
    ("", "Namespace"): frozenset({"status.phase"}),
    ("", "Secret"): frozenset({"type"}),
    ("", "ReplicationController"): frozenset({"status.replicas"}),
    ("apps", "ReplicaSet"): frozenset({"status.replicas"}),
    ("", "Service"): frozenset({"spec.clusterIP", "spec.type"}),
    ("", "Event"): frozenset(
        {
            *("involvedObject.kind", "involvedObject.namespace", "involvedObject.name"),
            *("involvedObject.uid", "involvedObject.apiVersion", "involvedObject.fieldPath"),
            *("involvedObject.resourceVersion", "reason", "reportingComponent", "source", "type"),
        }
    ),
}


def supported_fields(info: KindInfo) -> frozenset[str]:
    """The fields that objects of a kind can be selected by, as Kubernetes has them.

    Kinds outside the core can be selected by the fields that they show as columns, too.
    """
    core = _SUPPORTED_FIELDS.get((info.group, info.kind))
    if core is None:
        core = frozenset((*(column.path for column in info.columns), *info.selectable_fields))
    return NAME_FIELDS | core


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One clause of a field selector: the field equals `value`, or does not (`equal` False)."""

    path: str
    value: str
    equal: bool = True


@dataclass(frozen=True, slots=True)
class FieldMatcher:
    """A parsed field selector; without requirements it matches everything."""

    requirements: tuple[FieldRequirement, ...] = ()

    def matches(self, obj: Any) -> bool:
        """Whether an object is selected: a struct, or its wire form as plain values."""
        return all(
            _matches(obj, requirement.path, requirement.value) == requirement.equal
            for requirement in self.requirements
        )

    def exact(self, path: str) -> str | None:
        """The value that the field must equal, or None where the selector does not say.

        With `metadata.name` (and `metadata.namespace`) a list is the look-up of one key.
        """
        for requirement in self.requirements:
            if requirement.equal and requirement.path == path:
                return requirement.value
        return None

    def __bool__(self) -> bool:
        """Whether it selects at all: an empty selector is false."""
        return bool(self.requirements)


def parse_field_selector(text: str, supported: Collection[str]) -> FieldMatcher:
    """The matcher of a selector such as `metadata.name=web,status.phase!=Running`.

    `supported` are the fields that the kind can be selected by (`supported_fields`). In values,
    a backslash stands before a comma, an equals sign or a backslash. Raises `SelectorError`.
    """
    requirements = []
    for clause in _CLAUSE.findall(text):
        match = _FIELD_CLAUSE.fullmatch(clause)
        if match is None:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{clause}'")
        path = match["path"].strip()
        if path == "spec.host" and "spec.nodeName" in supported:
            path = "spec.nodeName"
        if path not in supported:
            raise SelectorError(f"field label not supported: {path}")
        value = re.sub(r"\\([\\,=])", r"\1", match["value"])
        requirements.append(FieldRequirement(path, value, match["sign"] != "!="))
    return FieldMatcher(tuple(requirements))


_FIELD_CLAUSE = re.compile(
    r"(?P<path>[^=!\\]+?)(?P<sign>!=|==|=)(?P<value>(?:[^=\\]|\\[\\,=])*)", re.DOTALL
)
_CLAUSE = re.compile(r"(?:[^,\\]|\\.|\\$)+", re.DOTALL)


# Fields that are left out on the wire where they are false.
_BOOLEAN_FIELDS = frozenset({"spec.unschedulable", "spec.hostNetwork"})


def _matches(obj: Any, path: str, value: str) -> bool:
    found = _lookup(obj, path)
    if found is None and path in _BOOLEAN_FIELDS:
        found = False
    if isinstance(found, list):
        return any(_field_text(_first_value(item)) == value for item in found)
    return _field_text(found) == value


def _lookup(obj: Any, path: str) -> Any:
    if path == "source":
        path = "source.component"
    found = obj
    for name in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(name)
        elif isinstance(found, CustomObject):
            found = found.metadata if name == "metadata" else found.content.get(name)
        elif isinstance(found, msgspec.Struct):
            found = _field_getter(type(found), name)(found)
        else:
            return None
    return found


def _first_value(item: Any) -> Any:
    """What a list element is compared by: `ip`, for the lists of addresses."""
    return _lookup(item, "ip") if isinstance(item, Mapping | msgspec.Struct) else item


def _field_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_getters: dict[tuple[type, str], Callable[[Any], Any]] = {}


def _field_getter(struct_class: type[msgspec.Struct], name: str) -> Callable[[Any], Any]:
    getter = _getters.get((struct_class, name))
    if getter is None:
        encoded = dict(
            zip(struct_class.__struct_encode_fields__, struct_class.__struct_fields__, strict=True)
        )
        attribute = encoded.get(name)
        getter = (lambda item: getattr(item, attribute)) if attribute else (lambda item: None)
        _getters[(struct_class, name)] = getter
    return getter
