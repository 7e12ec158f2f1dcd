"""STATUS, READY and RESTARTS of a Pod, case by case as kubectl shows them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kernel.apiserver.rows.pods import POD_COLUMNS, pod_cells
from kernel.objects.pod import Pod

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WAITING = {"waiting": {"reason": "PodInitializing"}}
RUNNING: dict[str, Any] = {"running": {}}
DONE = {"terminated": {"exitCode": 0, "reason": "Completed"}}
READY = [{"type": "Ready", "status": "True"}]


def _ended(code: int, reason: str = "", signal: int = 0, ago_seconds: int = 0) -> dict[str, Any]:
    finished = (NOW - timedelta(seconds=ago_seconds)).isoformat()
    ended = {"exitCode": code, "reason": reason, "signal": signal, "finishedAt": finished}
    return {"terminated": ended}


def _status(name: str, state: Any, *, ready: bool = False, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "ready": ready} | more


def _pod(
    phase: str = "Pending",
    *,
    init: Any = (),
    main: Any = (),
    sidecars: tuple[str, ...] = (),
    metadata: Any = None,
    **status: Any,
) -> Pod:
    init_containers = [
        {"name": s["name"], "restartPolicy": "Always"} if s["name"] in sidecars else s_name(s)
        for s in init
    ]
    document = {
        "metadata": {"name": "web", "creationTimestamp": "2026-01-01T11:59:00Z"} | (metadata or {}),
        "spec": {
            "containers": [s_name(s) for s in main] or [{"name": "c"}],
            "initContainers": init_containers,
        },
        "status": {
            "phase": phase,
            "initContainerStatuses": list(init),
            "containerStatuses": list(main),
        }
        | status,
    }
    return msgspec.convert(document, Pod)


def s_name(status: dict[str, Any]) -> dict[str, Any]:
    """The container that a status is about."""
    return {"name": status["name"]}


def _row(pod: Pod) -> dict[str, object]:
    names = [column.name for column in POD_COLUMNS]
    return dict(zip(names, pod_cells(pod, NOW), strict=True))


CASES: list[tuple[str, Pod]] = [
    ("Pending", _pod()),
    ("Init:0/2", _pod(init=[_status("a", RUNNING), _status("b", WAITING)])),
    ("Init:1/2", _pod(init=[_status("a", DONE), _status("b", RUNNING)])),
    ("Init:Error", _pod(init=[_status("a", _ended(1, "Error"))])),
    ("Init:ExitCode:3", _pod(init=[_status("a", _ended(3))])),
    ("Init:Signal:9", _pod(init=[_status("a", _ended(137, signal=9))])),
    (
        "Init:CrashLoopBackOff",
        _pod(init=[_status("a", {"waiting": {"reason": "CrashLoopBackOff"}})]),
    ),
    (
        "Init:ErrImagePull",
        _pod(init=[_status("a", {"waiting": {"reason": "ErrImagePull"}})]),
    ),
    ("PodInitializing", _pod(init=[_status("a", DONE)], main=[_status("c", WAITING)])),
    (
        "ContainerCreating",
        _pod(main=[_status("c", {"waiting": {"reason": "ContainerCreating"}})]),
    ),
    ("Running", _pod("Running", main=[_status("c", RUNNING, ready=True)])),
    ("Completed", _pod("Succeeded", main=[_status("c", DONE)])),
    ("Error", _pod("Failed", main=[_status("c", _ended(1, "Error"))])),
    ("ExitCode:7", _pod("Failed", main=[_status("c", _ended(7))])),
    ("Signal:15", _pod("Failed", main=[_status("c", _ended(143, signal=15))])),
    ("OOMKilled", _pod("Failed", main=[_status("c", _ended(137, "OOMKilled"))])),
    (
        "CrashLoopBackOff",
        _pod("Running", main=[_status("c", {"waiting": {"reason": "CrashLoopBackOff"}})]),
    ),
    (
        "Running",
        _pod(
            "Running",
            main=[_status("c", DONE), _status("d", RUNNING, ready=True)],
            conditions=READY,
        ),
    ),
    (
        "NotReady",
        _pod("Running", main=[_status("c", DONE), _status("d", RUNNING, ready=True)]),
    ),
    ("Evicted", _pod("Failed", reason="Evicted")),
    (
        "SchedulingGated",
        _pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}]),
    ),
    ("Terminating", _pod("Running", metadata={"deletionTimestamp": "2026-01-01T12:00:30Z"})),
    (
        "Completed",
        _pod(
            "Succeeded",
            main=[_status("c", DONE)],
            metadata={"deletionTimestamp": "2026-01-01T12:00:30Z"},
        ),
    ),
    (
        "Unknown",
        _pod("Running", reason="NodeLost", metadata={"deletionTimestamp": "2026-01-01T12:00:30Z"}),
    ),
]


@pytest.mark.parametrize(("status", "pod"), CASES, ids=[case[0] for case in CASES])
def test_status_is_what_stands_in_the_way(status: str, pod: Pod) -> None:
    assert _row(pod)["Status"] == status


def test_a_pod_without_restarts_has_a_plain_zero() -> None:
    row = _row(_pod("Running", main=[_status("c", RUNNING, ready=True), _status("d", RUNNING)]))
    assert (row["Ready"], row["Restarts"], row["Age"]) == ("1/2", "0", "60s")


def test_restarts_tell_when_the_last_one_was() -> None:
    last = _ended(1, "Error", ago_seconds=12)
    main = [
        _status("c", RUNNING, ready=True, restartCount=2, lastState=last),
        _status("d", RUNNING, ready=True, restartCount=1),
    ]
    assert _row(_pod("Running", main=main))["Restarts"] == "3 (12s ago)"


def test_restarts_of_init_containers_count_until_they_are_done() -> None:
    init = [_status("a", RUNNING, restartCount=4)]
    assert _row(_pod(init=init))["Restarts"] == "4"
    init = [_status("a", DONE, restartCount=4)]
    assert _row(_pod("Running", init=init))["Restarts"] == "0"


def test_a_started_sidecar_counts_as_a_container() -> None:
    init = [_status("proxy", RUNNING, ready=True, started=True, restartCount=1)]
    main = [_status("c", RUNNING, ready=True)]
    row = _row(_pod("Running", init=init, main=main, sidecars=("proxy",)))
    assert (row["Ready"], row["Status"], row["Restarts"]) == ("2/2", "Running", "1")


def test_wide_cells_say_none_where_nothing_is_known() -> None:
    row = _row(_pod())
    assert [row[name] for name in ("IP", "Node", "Nominated Node", "Readiness Gates")] == [
        "<none>"
    ] * 4


def test_wide_cells_show_address_and_node() -> None:
    pod = _pod("Running", podIP="10.0.0.7", podIPs=[{"ip": "10.0.0.7"}], conditions=READY)
    pod.spec.node_name = "node1"
    row = _row(pod)
    assert (row["IP"], row["Node"]) == ("10.0.0.7", "node1")
