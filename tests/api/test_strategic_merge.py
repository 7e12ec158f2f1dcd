import copy
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.api.errors import BadRequest
from kernel.api.strategic_merge import apply_strategic_patch
from kernel.objects.kind import Kind
from kernel.objects.merge_schema import merge_schema
from kernel.objects.node import Node
from kernel.objects.pod import Pod, PodSpec
from kernel.objects.service import Service
from kernel.objects.struct import MergeKey, Struct

POD: dict[str, Any] = {
    "metadata": {
        "labels": {"app": "web", "tier": "a"},
        "finalizers": ["example.com/a", "example.com/b"],
    },
    "spec": {
        "containers": [
            {
                "name": "web",
                "image": "nginx:1",
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                "ports": [{"containerPort": 80}],
                "command": ["a", "b"],
            },
            {"name": "log", "image": "log:1"},
        ],
        "volumes": [{"name": "data", "emptyDir": {"medium": "Memory"}}],
        "tolerations": [{"key": "a"}],
        "nodeSelector": {"disk": "ssd"},
    },
}


def patched(patch: Any, document: Any = POD, kind: type[msgspec.Struct] = Pod) -> Any:
    before = copy.deepcopy(document)
    result = apply_strategic_patch(document, patch, kind)
    assert document == before, "the document was changed"
    return result


def spec_after(**patch: Any) -> Any:
    return patched({"spec": patch})["spec"]


def test_maps_are_merged_and_null_takes_away() -> None:
    result = patched({"metadata": {"labels": {"tier": None, "new": "x"}}})
    assert result["metadata"]["labels"] == {"app": "web", "new": "x"}
    assert result["spec"] == POD["spec"]


def test_elements_are_found_by_their_key() -> None:
    containers = spec_after(
        containers=[
            {"name": "log", "image": "log:2"},
            {"name": "web", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]},
            {"name": "new", "image": "new:1", "args": None},
        ]
    )["containers"]
    assert [container["name"] for container in containers] == ["web", "log", "new"]
    assert containers[0]["image"] == "nginx:1"
    assert containers[0]["env"] == [
        {"name": "A", "value": "1"},
        {"name": "B", "value": "3"},
        {"name": "C", "value": "4"},
    ]
    assert containers[1]["image"] == "log:2"
    assert containers[2] == {"name": "new", "image": "new:1"}


def test_lists_without_a_merge_key_are_replaced() -> None:
    spec = spec_after(tolerations=[{"key": "b"}], containers=[{"name": "web", "command": ["c"]}])
    assert spec["tolerations"] == [{"key": "b"}]
    assert spec["containers"][0]["command"] == ["c"]


def test_an_element_can_be_deleted() -> None:
    gone = {"$patch": "delete"}
    spec = spec_after(
        containers=[
            {"name": "log", **gone},
            {"name": "absent", **gone},
            {
                "name": "web",
                "env": [{"name": "A", **gone}],
                "ports": [{"containerPort": 80, **gone}],
            },
        ]
    )
    assert [container["name"] for container in spec["containers"]] == ["web"]
    assert spec["containers"][0]["env"] == [{"name": "B", "value": "2"}]
    assert spec["containers"][0]["ports"] == []


def test_a_list_or_map_can_be_replaced() -> None:
    spec = spec_after(
        containers=[{"$patch": "replace"}, {"name": "only"}],
        nodeSelector={"$patch": "replace", "zone": "x"},
    )
    assert spec["containers"] == [{"name": "only"}]
    assert spec["nodeSelector"] == {"zone": "x"}
    assert spec_after(nodeSelector={"$patch": "delete"})["nodeSelector"] == {}
    assert spec_after(nodeSelector={"$patch": "merge", "zone": "x"})["nodeSelector"] == {
        "disk": "ssd",
        "zone": "x",
    }


def test_retain_keys_clears_the_rest_of_a_union() -> None:
    volume = {"name": "data", "hostPath": {"path": "/x"}}
    spec = spec_after(volumes=[volume | {"$retainKeys": ["name", "hostPath"]}])
    assert spec["volumes"] == [volume]
    assert spec_after(volumes=[volume])["volumes"][0].keys() == {"name", "hostPath", "emptyDir"}


def test_plain_values_are_merged_as_a_set() -> None:
    patch = {
        "$deleteFromPrimitiveList/finalizers": ["example.com/a", "example.com/x"],
        "finalizers": ["example.com/c", "example.com/b"],
    }
    assert patched({"metadata": patch})["metadata"]["finalizers"] == [
        *("example.com/b", "example.com/c"),
    ]


def names_after(order: list[str], *patch: dict[str, Any]) -> list[str]:
    names = [{"name": name} for name in order]
    spec = spec_after(**{"$setElementOrder/containers": names, "containers": list(patch)})
    return [container["name"] for container in spec["containers"]]


def test_the_order_can_be_set() -> None:
    assert names_after(["log", "web"]) == ["log", "web"]
    assert names_after(["new", "log", "web"], {"name": "new"}) == ["new", "log", "web"]


def test_what_the_order_does_not_name_keeps_its_place() -> None:
    assert names_after(["log", "new"], {"name": "new"}) == ["web", "log", "new"]
    assert names_after(["web", "new"], {"name": "new"}) == ["web", "new", "log"]


def test_the_order_of_plain_values() -> None:
    patch = {"$setElementOrder/finalizers": ["example.com/b", "example.com/a"]}
    assert patched({"metadata": patch})["metadata"]["finalizers"] == [
        *("example.com/b", "example.com/a"),
    ]


def test_directives_do_not_stay_in_what_is_new() -> None:
    container = {
        "name": "new",
        "env": [{"name": "A", "value": "1"}, {"name": "B", "$patch": "delete"}],
        "$setElementOrder/env": [{"name": "A"}],
    }
    result = patched({"spec": {"containers": [container]}}, document={})
    assert result["spec"]["containers"] == [{"name": "new", "env": [{"name": "A", "value": "1"}]}]


def test_what_kubectl_apply_sends() -> None:
    patch = {
        "metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"}},
        "spec": {
            "$setElementOrder/containers": [{"name": "log"}, {"name": "web"}],
            "containers": [
                {
                    "$setElementOrder/ports": [{"containerPort": 8080}],
                    "name": "web",
                    "image": "nginx:2",
                    "ports": [
                        {"containerPort": 8080, "protocol": "TCP"},
                        {"$patch": "delete", "containerPort": 80},
                    ],
                }
            ],
        },
    }
    containers = patched(patch)["spec"]["containers"]
    assert [container["name"] for container in containers] == ["log", "web"]
    assert containers[1]["image"] == "nginx:2"
    assert containers[1]["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ([], "must be an object"),
        ({"$patch": "destroy"}, "patch: unknown $patch directive 'destroy'"),
        ({"spec": {"containers": [{"image": "x"}]}}, "spec.containers[0]: lacks the field name"),
        ({"spec": {"containers": ["web"]}}, "spec.containers[0]: is no element of this list"),
        ({"spec": {"containers": [{"name": []}]}}, "spec.containers[0]: lacks the field name"),
        ({"metadata": {"finalizers": [{}]}}, "metadata.finalizers[0]: is no element of"),
        ({"spec": {"$setElementOrder/containers": [{}]}}, "/containers[0]: lacks the field name"),
        ({"spec": {"$wrong": 1}}, "spec.$wrong: unknown directive"),
        (
            {"spec": {"$setElementOrder/tolerations": []}},
            "spec.$setElementOrder/tolerations: must be an array, beside a list that is merged",
        ),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}}, "must be an array"),
        (
            {"spec": {"volumes": [{"name": "d", "nfs": {}, "$retainKeys": ["name"]}]}},
            "spec.volumes[0]: $retainKeys must name nfs",
        ),
        ({"spec": {"nodeSelector": {"$retainKeys": "a"}}}, "$retainKeys must be an array"),
        (
            {
                "spec": {
                    "$setElementOrder/containers": [{"name": "web"}],
                    "containers": [{"name": "new"}],
                }
            },
            "spec.$setElementOrder/containers: must name 'new'",
        ),
    ],
)
def test_patches_that_make_no_sense(patch: Any, message: str) -> None:
    with pytest.raises(BadRequest) as failure:
        patched(patch)
    assert message in failure.value.message


def test_deep_nesting_is_refused() -> None:
    patch: dict[str, Any] = {}
    for _ in range(5000):
        patch = {"a": patch}
    with pytest.raises(BadRequest, match="nested too deeply"):
        apply_strategic_patch(POD, patch, Pod)


def test_an_element_named_twice_is_merged_twice() -> None:
    spec = spec_after(containers=[{"name": "new", "image": "a"}, {"name": "new", "tty": True}])
    assert spec["containers"][2:] == [{"name": "new", "image": "a", "tty": True}]


class Part(Struct):
    slot: int
    colour: str = ""


class MachineSpec(Struct):
    parts: Annotated[list[Part], MergeKey("slot")] = []
    spare: list[Part] | None = None


class Machine(Kind, group="example.dev", version="v1"):
    spec: MachineSpec | None = None


def test_a_plugins_kind_declares_merge_keys_of_its_own() -> None:
    document = {"spec": {"parts": [{"slot": 1, "colour": "red"}], "spare": [{"slot": 1}]}}
    patch = {"spec": {"parts": [{"slot": 1, "colour": "blue"}, {"slot": 2}], "spare": []}}
    assert patched(patch, document, Machine) == {
        "spec": {"parts": [{"slot": 1, "colour": "blue"}, {"slot": 2}], "spare": []}
    }


@pytest.mark.parametrize(
    ("struct", "field", "key"),
    [
        (PodSpec, "containers", MergeKey("name")),
        (PodSpec, "volumes", MergeKey("name", retain_keys=True)),
        (PodSpec, "hostAliases", MergeKey("ip")),
        (PodSpec, "imagePullSecrets", MergeKey("name")),
        (
            PodSpec,
            "topologySpreadConstraints",
            MergeKey("topologyKey", also=(("whenUnsatisfiable", ""),)),
        ),
        (PodSpec, "tolerations", None),
    ],
)
def test_merge_keys_of_a_pod(struct: Any, field: str, key: MergeKey | None) -> None:
    assert merge_schema(struct)[field].merge_key == key


@pytest.mark.parametrize(
    ("kind", "path", "key"),
    [
        (Pod, "status.conditions", "type"),
        (Pod, "status.podIPs", "ip"),
        (Pod, "metadata.ownerReferences", "uid"),
        (Pod, "metadata.finalizers", ""),
        (Node, "status.addresses", "type"),
        (Service, "spec.ports", "port"),
    ],
)
def test_merge_keys_by_path(kind: type[Kind], path: str, key: str) -> None:
    first, last = path.split(".")
    inner = merge_schema(kind)[first].struct_class
    assert inner is not None
    merge_key = merge_schema(inner)[last].merge_key
    assert merge_key is not None
    assert merge_key.key == key


environments = st.lists(st.sampled_from("ABCD"), unique=True, max_size=4).map(
    lambda names: [{"name": name, "value": name.lower()} for name in names]
)


@given(environments, environments)
def test_a_merged_list_has_each_key_once_and_the_order_asked_for(
    present: list[Any], wanted: list[Any]
) -> None:
    def document(environment: list[Any]) -> Any:
        return {"spec": {"containers": [{"name": "web", "env": environment}]}}

    gone = [{"name": item["name"], "$patch": "delete"} for item in present if item not in wanted]
    patch = document([*wanted, *gone])
    patch["spec"]["containers"][0]["$setElementOrder/env"] = [
        {"name": item["name"]} for item in wanted
    ]
    assert patched(patch, document(present)) == document(wanted)


def test_a_status_patch_of_conditions() -> None:
    document = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    patch = {"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "X"}]}}
    conditions = patched(patch, document)["status"]["conditions"]
    assert conditions == [{"type": "Ready", "status": "True"}, {"type": "X"}]
