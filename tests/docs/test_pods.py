"""docs/pods.md has every field of a Pod, and no field that there is not."""

import re

import msgspec.inspect
import pytest

from kernel.objects.container import (
    EnvVarSource,
    EphemeralContainer,
    Lifecycle,
    LifecycleHandler,
    Probe,
    SecurityContext,
    VolumeMount,
)
from kernel.objects.pod import Container, Pod, PodSecurityContext, PodSpec
from kernel.objects.pod_status import ContainerStatus, PodStatus
from kernel.objects.volume import Volume, VolumeProjection
from tests.docs.pages import REPOSITORY

PAGE = REPOSITORY / "docs" / "pods.md"

# Structs of which each field has a row of its own, and where the page has them. Those that stand
# at several places (probes, hooks) have their rows at one of them.
ITEMIZED = {
    "spec": PodSpec,
    "spec.containers[]": Container,
    "spec.containers[].env[].valueFrom": EnvVarSource,
    "spec.containers[].volumeMounts[]": VolumeMount,
    "spec.containers[].livenessProbe": Probe,
    "spec.containers[].lifecycle": Lifecycle,
    "spec.containers[].lifecycle.preStop": LifecycleHandler,
    "spec.containers[].securityContext": SecurityContext,
    "spec.securityContext": PodSecurityContext,
    "spec.volumes[]": Volume,
    "status": PodStatus,
    "status.containerStatuses[]": ContainerStatus,
}


def _rows() -> dict[str, list[str]]:
    """The cells of each row by the field that its first cell names; `.x` beside a field is its
    sibling."""
    rows: dict[str, list[str]] = {}
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        last = ""
        for name in re.findall(r"`([^`]+)`", cells[0]) if line.startswith("| `") else ():
            last = last.rpartition(".")[0] + name if name.startswith(".") else name
            assert last not in rows, f"{last} has two rows"
            rows[last] = cells[1:]
    return rows


def _fields(struct: type) -> list[str]:
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    return [field.encode_name for field in info.fields]


def _structs_in(kind: msgspec.inspect.Type) -> list[msgspec.inspect.StructType]:
    match kind:
        case msgspec.inspect.StructType():
            return [kind]
        case msgspec.inspect.Metadata(type=inner):
            return _structs_in(inner)
        case msgspec.inspect.ListType(item_type=inner):
            return _structs_in(inner)
        case msgspec.inspect.UnionType(types=types):
            return [found for one in types for found in _structs_in(one)]
    return []


def _exists(path: str) -> bool:
    """Whether a Pod has such a field."""
    structs = _structs_in(msgspec.inspect.type_info(Pod))
    for name in path.split("."):
        fields = [
            field
            for struct in structs
            for field in struct.fields
            if field.encode_name == name.removesuffix("[]")
        ]
        if not fields:
            return False
        structs = [found for field in fields for found in _structs_in(field.type)]
    return True


@pytest.mark.parametrize("place", ITEMIZED)
def test_each_field_has_a_row(place: str) -> None:
    rows = _rows()
    missing = [name for name in _fields(ITEMIZED[place]) if f"{place}.{name}" not in rows]
    assert missing == []


def test_fields_of_ephemeral_containers_and_projections_have_rows_where_they_are_special() -> None:
    rows = _rows()
    own = set(_fields(EphemeralContainer)) - set(_fields(Container))
    assert {f"spec.ephemeralContainers[].{name}" for name in own} <= rows.keys()
    projections = set(_fields(VolumeProjection)) - {"secret", "configMap", "downwardAPI"}
    place = "spec.volumes[].projected.sources[]"
    assert {f"{place}.{name}" for name in projections} <= rows.keys()


def test_each_row_is_of_a_field_and_says_something() -> None:
    for name, cells in _rows().items():
        if name.startswith(("spec", "status")):
            assert _exists(name), name
        assert cells[0], f"{name}: the row says nothing"


def test_the_annotations_are_those_that_the_code_knows() -> None:
    """What users may set; what podkernel notes for itself on containers is not theirs."""
    own = {
        *("owner", "sandbox", "asked-image", "restarts-in-row", "configuration"),
        *("stop-signal", "end", "resources"),
    }
    source = "".join(path.read_text() for path in (REPOSITORY / "kernel").rglob("*.py"))
    known = set(re.findall(r'= "podkernel\.dev/([a-z-]+)"', source)) - own
    shown = {name.removeprefix("podkernel.dev/") for name in _rows() if "podkernel.dev/" in name}
    assert shown == known
