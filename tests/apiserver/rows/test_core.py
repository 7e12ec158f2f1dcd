"""The rows of the built-in kinds besides Pods."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kernel.apiserver.rows.by_kind import typed_rows
from kernel.apiserver.rows.generic import suggested_columns
from kernel.objects.config import Secret
from kernel.objects.coordination import Lease
from kernel.objects.custom_resource_definition import CustomResourceDefinition
from kernel.objects.event import Event
from kernel.objects.kind import Kind
from kernel.objects.kinds import CORE_KINDS
from kernel.objects.namespace import Namespace
from kernel.objects.node import Node
from kernel.objects.pod_template import PodTemplate
from kernel.objects.rbac import ClusterRole, Role
from kernel.objects.resource_policies import LimitRange
from kernel.objects.runtime_class import RuntimeClass
from kernel.objects.service import Service, ServiceAccount
from kernel.objects.storage import CSIStorageCapacity
from kernel.objects.struct import Struct

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BORN = {"name": "x", "creationTimestamp": "2026-01-01T11:00:00Z"}


def row(kind: type[Kind], **fields: Any) -> dict[str, object]:
    """The cells of an object, by column."""
    rows = typed_rows(kind)
    assert rows is not None
    obj = msgspec.convert({"metadata": BORN} | fields, kind)
    names = [column.name for column in rows.columns]
    return dict(zip(names, rows.cells(obj, NOW), strict=True))


@pytest.mark.parametrize("kind", CORE_KINDS)
def test_every_built_in_kind_has_rows_whose_cells_fit_the_columns(kind: type[Kind]) -> None:
    if kind is Event:
        assert row(kind)["Name"] == "x"
    else:
        assert next(iter(row(kind).items())) == ("Name", "x")
        if kind not in (
            PodTemplate,
            LimitRange,
            CSIStorageCapacity,
            Role,
            ClusterRole,
            CustomResourceDefinition,
        ):  # whose ages kubectl does not show
            assert row(kind)["Age"] == "60m"


def test_a_node_shows_roles_readiness_and_version() -> None:
    labels = {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge", "a": "b"}
    cells = row(
        Node,
        metadata=BORN | {"labels": labels},
        spec={"unschedulable": True},
        status={
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1", "osImage": "Debian"},
        },
    )
    assert cells["Status"] == "Ready,SchedulingDisabled"
    assert cells["Roles"] == "edge,worker"
    assert (cells["Version"], cells["OS-Image"]) == ("v1", "Debian")
    assert (cells["Internal-IP"], cells["External-IP"]) == ("10.0.0.1", "<none>")
    assert cells["Kernel-Version"] == "<unknown>"


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ([], "Unknown"),
        ([{"type": "Ready", "status": "False"}], "NotReady"),
        ([{"type": "Ready", "status": "Unknown"}], "NotReady"),
    ],
)
def test_a_node_that_is_not_ready_says_so(conditions: list[Any], status: str) -> None:
    cells = row(Node, status={"conditions": conditions})
    assert (cells["Status"], cells["Roles"]) == (status, "<none>")


def test_small_kinds() -> None:
    assert row(Namespace, status={"phase": "Active"})["Status"] == "Active"
    assert row(Secret, type="Opaque", data={"a": "MQ=="})["Data"] == 1
    assert row(ServiceAccount, secrets=[{"name": "s"}])["Secrets"] == 1
    assert row(Lease, spec={"holderIdentity": "me"})["Holder"] == "me"
    assert row(RuntimeClass, handler="box")["Handler"] == "box"


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            {"clusterIP": "10.96.0.1", "ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]},
            ("ClusterIP", "10.96.0.1", "<none>", "80/TCP,53/UDP"),
        ),
        (
            {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]},
            ("NodePort", "<none>", "<none>", "80:30080/TCP"),
        ),
        ({"type": "LoadBalancer"}, ("LoadBalancer", "<none>", "<pending>", "<none>")),
        (
            {"type": "ExternalName", "externalName": "example.org"},
            ("ExternalName", "<none>", "example.org", "<none>"),
        ),
        ({"externalIPs": ["1.2.3.4"]}, ("ClusterIP", "<none>", "1.2.3.4", "<none>")),
    ],
)
def test_a_service_shows_where_it_is(spec: Any, expected: tuple[str, ...]) -> None:
    cells = row(Service, spec=spec)
    names = ("Type", "Cluster-IP", "External-IP", "Port(s)")
    assert tuple(cells[name] for name in names) == expected


def test_an_event_tells_what_happened_to_whom_and_when_last() -> None:
    cells = row(
        Event,
        involvedObject={"kind": "Pod", "name": "web", "fieldPath": "spec.containers{c}"},
        type="Warning",
        reason="BackOff",
        message="Back-off restarting\n",
        count=3,
        source={"component": "kubelet", "host": "node1"},
        firstTimestamp="2026-01-01T11:00:00Z",
        lastTimestamp="2026-01-01T11:59:30Z",
    )
    assert cells["Last Seen"] == "30s"
    assert cells["First Seen"] == "60m"
    assert cells["Object"] == "pod/web"
    assert cells["Subobject"] == "spec.containers{c}"
    assert cells["Source"] == "kubelet, node1"
    assert cells["Message"] == "Back-off restarting"
    assert cells["Count"] == 3


def test_an_event_series_has_its_own_count_and_time() -> None:
    series = {"count": 9, "lastObservedTime": "2026-01-01T11:59:58.000000Z"}
    cells = row(Event, eventTime="2026-01-01T11:00:00.000000Z", series=series)
    assert (cells["Last Seen"], cells["First Seen"], cells["Count"]) == ("2s", "60m", 9)


class SensorSpec(Struct):
    """Plain values of every type, and some that are not plain."""

    place: str
    level: float
    on: bool = False
    since: datetime | None = None
    tags: list[str] = []
    count: int = 0
    note: str = ""


class SensorStatus(Struct):
    """What is known of a sensor."""

    phase: str = ""


class Sensor(Kind, group="example.dev", version="v1"):
    """A kind without columns of its own."""

    spec: SensorSpec
    status: SensorStatus | None = None


def test_a_kind_without_columns_shows_its_first_five_plain_values() -> None:
    columns = suggested_columns(Sensor)
    assert [(column.name, column.type) for column in columns if column.priority == 0] == [
        ("Place", "string"),
        ("Level", "number"),
        ("On", "boolean"),
        ("Since", "date"),
        ("Count", "integer"),
    ]
    assert [column.path for column in columns if column.priority] == ["spec.note", "status.phase"]
