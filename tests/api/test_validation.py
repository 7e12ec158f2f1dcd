import copy
from typing import Any

import pytest

from kernel.api.defaulting import default
from kernel.api.validation import validate_create, validate_update
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.coordination import Lease
from kernel.objects.decoding import decode
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.meta import OwnerReference
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.runtime_class import RuntimeClass
from kernel.objects.service import Service

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
    " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used"
    r" for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and"
    " must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex"
    " used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def made(kind: type[Kind], **fields: Any) -> Any:
    metadata = {"name": "it"} | ({"namespace": "default"} if kind.info.namespaced else {})
    metadata |= fields.pop("metadata", {})
    obj = decode(kind, {"metadata": metadata, **fields})
    default(obj)
    return obj


def causes_of(obj: Kind) -> list[tuple[str, str]]:
    return [(cause.field, cause.message) for cause in validate_create(obj)]


def test_an_object_that_is_right_has_no_causes() -> None:
    assert causes_of(made(ConfigMap, data={"a.txt": "x"})) == []


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        (ConfigMap, "A_b", f'Invalid value: "A_b": {SUBDOMAIN}'),
        (ConfigMap, "a/b", "Invalid value: \"a/b\": may not contain '/'"),
        (ConfigMap, "..", "Invalid value: \"..\": may not be '..'"),
        (Namespace, "A", f'Invalid value: "A": {LABEL}'),
        (Namespace, "a.b", 'Invalid value: "a.b": must not contain dots'),
        (Service, "1a", 'Invalid value: "1a": a DNS-1035 label must consist of'),
        (ConfigMap, "", "Required value: name or generateName is required"),
    ],
)
def test_names(kind: type[Kind], name: str, message: str) -> None:
    obj = kind()
    obj.metadata.name = name
    obj.metadata.namespace = "default" if kind.info.namespaced else ""
    default(obj)
    cause = validate_create(obj)[0]
    assert cause.field == "metadata.name"
    assert cause.message.startswith(message)


def test_a_long_name() -> None:
    (cause,) = validate_create(made(ConfigMap, metadata={"name": "a" * 254}))
    assert cause.message.endswith("must be no more than 253 bytes")
    assert cause.reason == "FieldValueInvalid"


@pytest.mark.parametrize(
    ("metadata", "field", "message"),
    [
        ({"namespace": ""}, "metadata.namespace", "Required value"),
        ({"namespace": "A"}, "metadata.namespace", f'Invalid value: "A": {LABEL}'),
        ({"labels": {"a b": ""}}, "metadata.labels", 'Invalid value: "a b": name part must'),
        ({"labels": {"a": "-"}}, "metadata.labels", 'Invalid value: "-": a valid label must'),
        ({"annotations": {"-": ""}}, "metadata.annotations", 'Invalid value: "-": name part'),
        (
            {"annotations": {"a": "x" * 2**18}},
            "metadata.annotations",
            "Too long: may not be more than 262144 bytes",
        ),
        (
            {"finalizers": ["mine"]},
            "metadata.finalizers",
            'Invalid value: "mine": name is neither a standard finalizer name nor is it fully'
            " qualified",
        ),
        (
            {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "", "uid": "1"}]},
            "metadata.ownerReferences[0].name",
            "Required value: must not be empty",
        ),
    ],
)
def test_metadata(metadata: dict[str, Any], field: str, message: str) -> None:
    ((found_field, found_message),) = causes_of(made(ConfigMap, metadata=metadata))
    assert found_field == field
    assert found_message.startswith(message)


def test_annotations_may_have_capitals_and_much_text() -> None:
    annotations = {"Example.com/A": "x" * 200_000}
    assert causes_of(made(ConfigMap, metadata={"annotations": annotations})) == []


def test_one_controller_only() -> None:
    config = made(ConfigMap)
    config.metadata.owner_references = [
        OwnerReference(api_version="v1", kind="Pod", name=name, uid=name, controller=True)
        for name in ("a", "b")
    ]
    ((field, message),) = causes_of(config)
    assert field == "metadata.ownerReferences"
    assert message.endswith(
        "Only one reference can have Controller set to true."
        ' Found "true" in references for Pod/a and Pod/b'
    )


def test_cluster_scoped_kinds_have_no_namespace() -> None:
    assert causes_of(made(Node, metadata={"namespace": "x"})) == [
        ("metadata.namespace", "Forbidden: not allowed on this type")
    ]


def test_what_an_update_may_not_change_of_the_metadata() -> None:
    old = made(ConfigMap, metadata={"uid": "1"})
    new = made(ConfigMap, metadata={"uid": "2", "finalizers": ["example.com/a"]})
    assert [cause.field for cause in validate_update(new, old)] == ["metadata.uid"]
    ending = made(ConfigMap, metadata={"uid": "2", "deletionTimestamp": "2026-01-01T00:00:00Z"})
    (cause,) = validate_update(new, ending)
    assert cause.field == "metadata.finalizers"
    assert cause.message.startswith("Forbidden: no new finalizers can be added if the object is")


def test_config_maps() -> None:
    config = made(
        ConfigMap, data={"a/b": "", "..": "", "c": ""}, binaryData={"c": "YQ==", "d": "?"}
    )
    fields = [field for field, _ in causes_of(config)]
    assert fields == ["data[a/b]", "data[..]", "data[c]", "binaryData[d]"]
    assert causes_of(made(ConfigMap, data={"a": "x" * (2**20 + 1)})) == [
        ("", "Too long: may not be more than 1048576 bytes")
    ]


def test_secrets() -> None:
    assert causes_of(made(Secret, type="kubernetes.io/tls", data={"tls.crt": ""})) == [
        ("data[tls.key]", "Required value")
    ]
    assert [field for field, _ in causes_of(made(Secret, type="kubernetes.io/basic-auth"))] == [
        "data[username]",
        "data[password]",
    ]
    assert causes_of(made(Secret, data={"a": "not base64"})) == [
        ("data[a]", 'Invalid value: "a": must be base64')
    ]


@pytest.mark.parametrize("kind", [ConfigMap, Secret])
def test_immutable_means_for_ever(kind: type[Kind]) -> None:
    old = made(kind, immutable=True, data={"a": "YQ=="})
    new = made(kind, data={"a": "Yg=="})
    assert [(cause.field, cause.message) for cause in validate_update(new, old)] == [
        (field, "Forbidden: field is immutable when `immutable` is set")
        for field in ("immutable", "data")
    ]
    assert validate_update(copy.deepcopy(old), old) == []


def test_a_secrets_type_is_fixed() -> None:
    (cause,) = validate_update(made(Secret, type="example.com/x"), made(Secret))
    assert (cause.field, cause.message) == (
        "type",
        'Invalid value: "example.com/x": field is immutable',
    )


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({}, [("spec.ports", "Required value")]),
        ({"clusterIP": "None"}, []),
        (
            {"type": "Ingress", "ports": [{"port": 80}]},
            [
                (
                    "spec.type",
                    'Unsupported value: "Ingress": supported values: "ClusterIP",'
                    ' "ExternalName", "LoadBalancer", "NodePort"',
                )
            ],
        ),
        (
            {"ports": [{"port": 0, "targetPort": "x"}]},
            [
                (
                    "spec.ports[0].port",
                    "Invalid value: 0: must be between 1 and 65535, inclusive",
                )
            ],
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 80}]},
            [
                ("spec.ports[1].name", "Required value"),
                ("spec.ports[1]", 'Duplicate value: {"port":80,"protocol":"TCP"}'),
            ],
        ),
        ({"type": "ExternalName"}, [("spec.externalName", "Required value")]),
    ],
)
def test_services(spec: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert causes_of(made(Service, spec=spec)) == expected


def test_a_services_address_stays() -> None:
    ports = [{"port": 80}]
    old = made(Service, spec={"ports": ports, "clusterIP": "10.0.0.1"})
    new = made(Service, spec={"ports": ports, "clusterIP": "10.0.0.2"})
    (cause,) = validate_update(new, old)
    assert cause.message == 'Invalid value: ["10.0.0.2"]: may not change once set'


def test_nodes() -> None:
    taints = [{"key": "a", "effect": "NoSchedule"}, {"key": "a", "effect": "NoSchedule"}]
    assert [field for field, _ in causes_of(made(Node, spec={"taints": taints}))] == [
        "spec.taints[1]"
    ]
    wrong = {"taints": [{"key": "", "effect": "Never"}]}
    node = made(Node, spec=wrong, status={"allocatable": {"a": "1"}})
    node.status.capacity = {"cpu": "many"}
    fields = {field for field, _ in causes_of(node)}
    assert fields == {
        *("spec.taints[0].key", "spec.taints[0].effect", "status.capacity[cpu]"),
    }


def test_an_event_lives_beside_its_object() -> None:
    assert causes_of(made(Event, involvedObject={"namespace": "default"})) == []
    assert causes_of(made(Event, involvedObject={"kind": "Node"})) == []
    assert causes_of(made(Event, involvedObject={"namespace": "other"})) == [
        ("involvedObject.namespace", 'Invalid value: "other": does not match event.namespace')
    ]


def test_leases() -> None:
    lease = made(Lease, spec={"leaseDurationSeconds": 0, "leaseTransitions": -1})
    assert causes_of(lease) == [
        ("spec.leaseDurationSeconds", "Invalid value: 0: must be greater than 0"),
        ("spec.leaseTransitions", "Invalid value: -1: must be greater than or equal to 0"),
    ]


def test_a_runtime_class_names_a_handler_for_good() -> None:
    wrong = made(
        RuntimeClass,
        handler="Not A Label",
        overhead={"podFixed": {"memory": "-1"}},
        scheduling={"nodeSelector": {"a": "no value"}, "tolerations": [{"value": "x"}]},
    )
    assert [field for field, _ in causes_of(wrong)] == [
        "handler",
        "scheduling.nodeSelector",
        "scheduling.tolerations[0].operator",
        "overhead.podFixed[memory]",
    ]
    (cause,) = validate_update(made(RuntimeClass, handler="b"), made(RuntimeClass, handler="a"))
    assert (cause.field, cause.message) == ("handler", 'Invalid value: "b": field is immutable')


def test_a_plugins_kind_has_the_rules_on_metadata() -> None:
    class Gizmo(Kind, group="example.dev", version="v1"):
        size: int = 0

    assert causes_of(made(Gizmo)) == []
    assert [field for field, _ in causes_of(made(Gizmo, metadata={"name": "A"}))] == [
        "metadata.name"
    ]
