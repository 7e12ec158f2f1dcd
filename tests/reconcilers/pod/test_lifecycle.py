"""Pods on a simulated node, seen through the client."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from kernel.cri.runtime import ImagePullFailure, RuntimeFailure, RuntimeUnavailable, SandboxState
from kernel.cri.simulated.runtime import SimulatedContainer, SimulatedRuntime
from kernel.objects.config import ConfigMap
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import (
    ConfigMapKeySelector,
    EnvVar,
    EnvVarSource,
    Pod,
    VolumeMount,
)
from kernel.objects.runtime_class import RuntimeClass
from kernel.objects.volume import (
    ConfigMapVolumeSource,
    HostPathVolumeSource,
    LocalObjectReference,
    Volume,
)
from tests.reconcilers.pod.node_under_test import (
    HOST_ADDRESS,
    NodeUnderTest,
    condition,
    container,
    make_pod,
    open_node,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node, node.running():
        yield node


async def test_a_pod_comes_up(node: NodeUnderTest) -> None:
    await node.create(make_pod(container("main"), container("side")))
    pod = await node.pod()
    assert pod.status.phase == "Running"
    assert pod.status.host_ip == HOST_ADDRESS
    assert pod.status.pod_ip == "10.128.0.1"
    assert pod.status.qos_class == "BestEffort"
    assert {one.type: one.status for one in pod.status.conditions} == {
        "PodReadyToStartContainers": "True",
        "Initialized": "True",
        "Ready": "True",
        "ContainersReady": "True",
        "PodScheduled": "True",
    }
    status = await node.status_of("main")
    running = await node.container("main")
    assert status.state.running is not None
    assert status.container_id == f"simulated://{running.id}"
    assert (status.ready, status.started, status.restart_count) == (True, True, 0)
    assert status.image == "busybox:1"


async def test_mounts_are_shown_as_they_were_made(node: NodeUnderTest) -> None:
    mounts = [
        VolumeMount(name="data", mount_path="/data"),
        VolumeMount(name="data", mount_path="/kept", read_only=True),
    ]
    await node.create(make_pod(container(volume_mounts=mounts), volumes=[Volume(name="data")]))
    shown = (await node.status_of("main")).volume_mounts
    assert msgspec.to_builtins(shown) == [
        {"name": "data", "mountPath": "/data"},
        {"name": "data", "mountPath": "/kept", "readOnly": True, "recursiveReadOnly": "Disabled"},
    ]


async def test_the_events_of_a_start_are_the_kubelets(node: NodeUnderTest) -> None:
    await node.create(make_pod())
    assert [(one.reason, one.message) for one in node.listener.said] == [
        ("Pulling", 'Pulling image "busybox:1"'),
        ("Pulled", 'Successfully pulled image "busybox:1" in 0s (0s including waiting).'),
        ("Created", "Created container: main"),
        ("Started", "Started container main"),
    ]
    assert {one.field_path for one in node.listener.said} == {"spec.containers{main}"}
    await node.create(make_pod(name="second"))
    assert node.said("Pulled")[1:] == ['Container image "busybox:1" already present on machine']


async def test_a_pod_of_another_node_is_left_alone(node: NodeUnderTest) -> None:
    def elsewhere(pod: Pod) -> None:
        pod.spec.node_name = "node2"

    await node.create(make_pod(change=elsewhere))
    assert await node.simulated.sandboxes() == []
    assert (await node.pod()).status.pod_ip == ""


async def test_init_containers_run_one_after_another(node: NodeUnderTest) -> None:
    init = (container("first", "sleep", "5"), container("second", "sleep", "7"))
    await node.create(make_pod(init=init))
    pod = await node.pod()
    assert pod.status.phase == "Pending"
    assert (await node.status_of("first")).state.running is not None
    for waiting in (await node.status_of("second"), await node.status_of("main")):
        assert waiting.state.waiting is not None
        assert waiting.state.waiting.reason == "PodInitializing"
    assert condition(pod, "Initialized").message == (
        "containers with incomplete status: [first second]"
    )
    await node.advance(5)
    ended = (await node.status_of("first")).state.terminated
    assert ended is not None
    assert (ended.exit_code, ended.reason) == (0, "Completed")
    assert (await node.status_of("second")).state.running is not None
    await node.advance(7)
    pod = await node.pod()
    assert pod.status.phase == "Running"
    assert condition(pod, "Initialized").status == "True"


async def test_a_failing_init_container_is_tried_again(node: NodeUnderTest) -> None:
    failing = SimulatedContainer(exit_code=1, run_seconds=1)
    node.simulated.script("init", failing, failing, SimulatedContainer(run_seconds=0))
    await node.create(make_pod(init=(container("init"),)))
    await node.advance(2)
    status = await node.status_of("init")
    assert status.state.waiting is not None
    assert status.state.waiting.reason == "CrashLoopBackOff"
    assert (await node.pod()).status.phase == "Pending"
    await node.advance(10)
    assert (await node.pod()).status.phase == "Running"
    assert (await node.status_of("init")).restart_count == 2


async def test_without_restarts_a_failed_init_container_ends_the_pod(node: NodeUnderTest) -> None:
    await node.create(make_pod(init=(container("init", "false"),), restart="Never"))
    assert (await node.pod()).status.phase == "Failed"
    assert [one.name for one in await node.simulated.containers()] == ["init"]


async def test_a_sidecar_starts_first_and_ends_last(node: NodeUnderTest) -> None:
    sidecar = container("logs", restart_policy="Always")
    await node.create(make_pod(container("job", "sleep", "5"), init=(sidecar,), restart="Never"))
    assert (await node.status_of("logs")).ready
    assert (await node.pod()).status.phase == "Running"
    await node.advance(5)
    assert (await node.pod()).status.phase == "Succeeded"
    assert (await node.status_of("logs")).state.terminated is not None


async def test_a_crashing_container_backs_off(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(exit_code=3, run_seconds=1))
    pod = await node.create(make_pod())
    await node.advance(1)
    status = await node.status_of("main")
    assert (status.restart_count, status.ready) == (1, True)
    await node.advance(1)
    status = await node.status_of("main")
    assert status.state.waiting is not None
    assert status.state.waiting.reason == "CrashLoopBackOff"
    in_words = f"web_default({pod.metadata.uid})"
    assert status.state.waiting.message == (
        f"back-off 10s restarting failed container=main pod={in_words}"
    )
    assert status.last_state.terminated is not None
    assert (status.last_state.terminated.exit_code, status.restart_count) == (3, 1)
    assert node.said("BackOff") == [f"Back-off restarting failed container main in pod {in_words}"]
    pod = await node.pod()
    assert pod.status.phase == "Running"
    ready = condition(pod, "Ready")
    assert (ready.status, ready.reason, ready.message) == (
        *("False", "ContainersNotReady"),
        "containers with unready status: [main]",
    )
    await node.advance(10)
    assert (await node.status_of("main")).restart_count == 2
    await node.advance(1 + 19)
    assert (await node.status_of("main")).restart_count == 2
    await node.advance(1)
    assert (await node.status_of("main")).restart_count == 3


async def test_only_the_last_two_attempts_are_kept(node: NodeUnderTest) -> None:
    crash = SimulatedContainer(exit_code=1, run_seconds=1, log_lines=("hello",))
    node.simulated.script("main", crash)
    pod = await node.create(make_pod())
    await node.advance(1 + 1 + 10 + 1 + 20 + 1)
    kept = await node.simulated.containers()
    assert sorted(one.attempt for one in kept) == [2, 3]
    logs = node.directory / "logs" / f"default_web_{pod.metadata.uid}" / "main"
    assert sorted(path.name for path in logs.iterdir()) == ["2.log", "3.log"]


@pytest.mark.parametrize(
    ("restart", "command", "phase"),
    [
        ("Never", "true", "Succeeded"),
        ("Never", "false", "Failed"),
        ("OnFailure", "true", "Succeeded"),
        ("OnFailure", "false", "Running"),
        ("Always", "true", "Running"),
    ],
)
async def test_the_restart_policy_decides_the_phase(
    node: NodeUnderTest, restart: str, command: str, phase: str
) -> None:
    await node.create(make_pod(container("main", command), restart=restart))
    assert (await node.pod()).status.phase == phase


async def test_a_finished_pod_keeps_its_logs_and_frees_its_sandbox(node: NodeUnderTest) -> None:
    await node.create(make_pod(container("main", "true"), restart="Never"))
    pod = await node.pod()
    assert condition(pod, "Ready").reason == "PodCompleted"
    assert condition(pod, "Initialized").reason == "PodCompleted"
    assert [one.state for one in await node.simulated.sandboxes()] == [SandboxState.NOT_READY]
    assert len(await node.simulated.containers()) == 1
    assert pod.status.pod_ip == "10.128.0.1"


async def test_deletion_stops_with_grace_and_leaves_nothing(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=4))
    volumes = [Volume(name="data")]
    mounts = [VolumeMount(name="data", mount_path="/data")]
    pod = await node.create(make_pod(container(volume_mounts=mounts), volumes=volumes))
    directory = node.directory / "pods" / pod.metadata.uid
    assert (directory / "volumes" / "data").is_dir()
    await node.client.delete(Pod, "web")
    await node.advance(3)
    assert node.said("Killing") == ["Stopping container main"]
    assert (await node.status_of("main")).state.running is not None
    await node.advance(1)
    await node.client.wait(Pod, "web", lambda pod: pod is None)
    assert await node.simulated.sandboxes() == []
    assert not directory.exists()


async def test_past_its_grace_a_container_is_killed(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=100))
    await node.create(make_pod())
    async with node.client.watch(Pod) as events:
        await node.client.delete(Pod, "web", grace_period_seconds=5)
        await node.advance(5)
        codes = []
        async for event in events:
            statuses = event.object.status.container_statuses
            codes += [one.state.terminated.exit_code for one in statuses if one.state.terminated]
            if event.type == "DELETED":
                break
    assert set(codes) == {137}


async def test_a_deletion_does_not_wait_for_a_pull(node: NodeUnderTest) -> None:
    node.simulated.delay("pull_image", 600)
    await node.create(make_pod())
    assert node.said("Pulling") == ['Pulling image "busybox:1"']
    await node.client.delete(Pod, "web")
    await node.settle()
    assert await node.client.list(Pod) == []
    assert await node.simulated.sandboxes() == []


async def test_a_deletion_can_be_hurried(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(stop_seconds=1000))
    await node.create(make_pod())
    await node.client.delete(Pod, "web", grace_period_seconds=600)
    await node.advance(1)
    assert (await node.status_of("main")).state.running is not None
    await node.client.delete(Pod, "web", grace_period_seconds=5)
    await node.advance(5)
    assert await node.client.list(Pod) == []


async def test_a_deletion_that_fails_is_tried_again(node: NodeUnderTest) -> None:
    node.simulated.fail("stop_container", RuntimeFailure("no answer"), subject="main", times=1)
    await node.create(make_pod(container("main"), container("other")))
    await node.client.delete(Pod, "web")
    await node.settle()
    assert node.said("FailedKillPod") == ["error killing pod: no answer"]
    await node.advance(2)
    assert await node.client.list(Pod) == []


async def test_another_image_replaces_the_container(node: NodeUnderTest) -> None:
    await node.create(make_pod(container("main"), container("other"), restart="Never"))
    other = await node.container("other")
    pod = await node.pod()
    pod.spec.containers[0].image = "busybox:2"
    await node.client.update(pod)
    await node.settle()
    assert node.said("Killing") == ["Container main definition changed, will be restarted"]
    status = await node.status_of("main")
    assert (status.image, status.restart_count) == ("busybox:2", 1)
    assert (await node.container("other")).id == other.id


async def test_a_force_deleted_pod_is_killed(node: NodeUnderTest) -> None:
    await node.create(make_pod())
    await node.client.delete(Pod, "web", grace_period_seconds=0)
    await node.advance(3)
    assert await node.simulated.sandboxes() == []


async def test_a_new_pod_of_the_same_name_replaces_the_old_one(node: NodeUnderTest) -> None:
    await node.create(make_pod())
    await node.client.delete(Pod, "web", grace_period_seconds=0)
    second = await node.client.create(make_pod())
    await node.advance(3)
    assert [one.uid for one in await node.simulated.sandboxes()] == [second.metadata.uid]
    assert (await node.pod()).status.phase == "Running"


async def test_a_dead_sandbox_is_replaced(node: NodeUnderTest) -> None:
    await node.create(make_pod(init=(container("init", "true"),)))
    sandbox = (await node.simulated.sandboxes())[0]
    await node.simulated.stop_sandbox(sandbox.id)
    await node.settle()
    pod = await node.pod()
    assert pod.status.phase == "Running"
    assert (await node.status_of("main")).restart_count == 1
    assert (await node.status_of("init")).restart_count == 1
    assert pod.status.pod_ip == "10.128.0.2"
    assert node.said("SandboxChanged") == ["Pod sandbox changed, it will be killed and re-created."]


async def test_failed_pulls_back_off(node: NodeUnderTest) -> None:
    node.simulated.fail("pull_image", ImagePullFailure("no such host"), times=2)
    await node.create(make_pod(container("main"), container("other", image="other:1")))
    node.simulated.heal("pull_image")
    node.simulated.fail("pull_image", ImagePullFailure("no such host"), subject="busybox:1")
    status = await node.status_of("main")
    assert status.state.waiting is not None
    assert status.state.waiting.reason == "ImagePullBackOff"
    assert status.state.waiting.message == (
        'Back-off pulling image "busybox:1": ErrImagePull: no such host'
    )
    assert (await node.pod()).status.phase == "Pending"
    assert 'Failed to pull image "busybox:1": no such host' in node.said("Failed")
    assert "Error: ErrImagePull" in node.said("Failed")
    await node.advance(10)
    assert (await node.status_of("other")).state.running is not None
    assert (await node.status_of("main")).state.running is None
    node.simulated.heal("pull_image", subject="busybox:1")
    await node.advance(19)
    assert (await node.status_of("main")).state.running is None
    await node.advance(1)
    assert (await node.pod()).status.phase == "Running"


async def test_a_missing_pull_secret_is_said_and_the_pull_is_tried(node: NodeUnderTest) -> None:
    await node.create(make_pod(image_pull_secrets=[LocalObjectReference(name="login")]))
    assert node.said("FailedToRetrieveImagePullSecret") == [
        "Unable to retrieve some image pull secrets (login);"
        " attempting to pull the image may not succeed."
    ]
    assert (await node.pod()).status.phase == "Running"


async def test_an_image_that_must_not_be_pulled(node: NodeUnderTest) -> None:
    await node.create(make_pod(container("main", image_pull_policy="Never")))
    status = await node.status_of("main")
    assert status.state.waiting is not None
    assert status.state.waiting.reason == "ErrImageNeverPull"
    assert node.said("ErrImageNeverPull") == [
        'Container image "busybox:1" is not present with pull policy of Never'
    ]


@pytest.mark.parametrize(
    ("call", "reason"),
    [("create_container", "CreateContainerError"), ("start_container", "RunContainerError")],
)
async def test_a_failing_call_holds_up_its_own_container_alone(
    node: NodeUnderTest, call: str, reason: str
) -> None:
    node.simulated.fail(call, RuntimeFailure("out of luck"), subject="main")
    await node.create(make_pod(container("main"), container("other")))
    waiting = (await node.status_of("main")).state.waiting
    assert waiting is not None
    assert (waiting.reason, waiting.message) == (reason, "out of luck")
    assert (await node.status_of("other")).state.running is not None
    assert node.said("Failed") == ["Error: out of luck"]
    node.simulated.heal(call, subject="main")
    await node.advance(1)
    status = await node.status_of("main")
    assert status.state.running is not None
    assert status.restart_count == 0


async def test_a_container_whose_command_cannot_run_is_in_a_crash_loop(
    node: NodeUnderTest,
) -> None:
    node.simulated.script("main", SimulatedContainer(start_failure="no such file or directory"))
    await node.create(make_pod())
    status = await node.status_of("main")
    assert status.last_state.terminated is not None
    assert (status.last_state.terminated.reason, status.last_state.terminated.exit_code) == (
        *("StartError", 128),
    )
    assert status.state.waiting is not None
    assert status.state.waiting.reason == "CrashLoopBackOff"


async def test_a_sandbox_that_cannot_be_made_is_tried_again(node: NodeUnderTest) -> None:
    node.simulated.fail("run_sandbox", RuntimeFailure("no network"), times=1)
    await node.create(make_pod())
    assert node.said("FailedCreatePodSandBox") == ["Failed to create pod sandbox: no network"]
    waiting = (await node.status_of("main")).state.waiting
    assert waiting is not None
    assert waiting.reason == "ContainerCreating"
    await node.advance(1)
    assert (await node.pod()).status.phase == "Running"


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (RuntimeFailure("no answer"), ["error determining status: no answer"]),
        # That the whole runtime is away is said by the node.
        (RuntimeUnavailable("connection refused"), []),
    ],
)
async def test_a_runtime_that_cannot_be_asked_disturbs_nothing_for_good(
    node: NodeUnderTest, failure: RuntimeFailure, said: list[str]
) -> None:
    node.simulated.fail("sandboxes", failure, times=1)
    await node.create(make_pod())
    assert node.said("FailedSync") == said
    await node.advance(2)
    assert (await node.pod()).status.phase == "Running"


async def test_a_missing_config_map_holds_the_container_up(node: NodeUnderTest) -> None:
    key = ConfigMapKeySelector(name="settings", key="colour")
    variable = EnvVar(name="COLOUR", value_from=EnvVarSource(config_map_key_ref=key))
    await node.create(make_pod(container("main", "sh", "-c", "echo $COLOUR", env=[variable])))
    waiting = (await node.status_of("main")).state.waiting
    assert waiting is not None
    assert waiting.reason == "CreateContainerConfigError"
    assert waiting.message == 'configmap "settings" not found'
    settings = ConfigMap(
        metadata=ObjectMeta(name="settings", namespace="default"), data={"colour": "blue"}
    )
    await node.client.create(settings)
    await node.advance(1)
    log = next((node.directory / "logs").rglob("0.log")).read_text()
    assert log.endswith("stdout F blue\n")


async def test_a_volume_that_cannot_be_made_is_an_event(node: NodeUnderTest) -> None:
    missing = str(node.directory / "nothing")
    source = HostPathVolumeSource(path=missing, type="Directory")
    await node.create(make_pod(volumes=[Volume(name="data", host_path=source)]))
    assert node.said("FailedMount") == [
        f'MountVolume.SetUp failed for volume "data" : '
        f"hostPath type check failed: {missing} is not a directory"
    ]
    waiting = (await node.status_of("main")).state.waiting
    assert waiting is not None
    assert waiting.reason == "ContainerCreating"
    (node.directory / "nothing").mkdir()
    await node.advance(1)
    assert (await node.pod()).status.phase == "Running"


async def test_a_config_map_becomes_files(node: NodeUnderTest) -> None:
    settings = ConfigMap(
        metadata=ObjectMeta(name="settings", namespace="default"), data={"colour": "blue"}
    )
    await node.client.create(settings)
    volume = Volume(name="settings", config_map=ConfigMapVolumeSource(name="settings"))
    pod = await node.create(make_pod(volumes=[volume]))
    directory = node.directory / "pods" / pod.metadata.uid / "volumes" / "settings"
    assert (directory / "colour").read_text() == "blue"


async def test_what_is_not_done_is_said_once(node: NodeUnderTest) -> None:
    node.simulated.script("main", SimulatedContainer(run_seconds=1))
    await node.create(make_pod(host_users=False))
    await node.advance(30)
    assert node.said("Unsupported") == ["hostUsers false gives no user namespace"]


async def test_a_pod_waits_for_its_runtime_class(node: NodeUnderTest) -> None:
    await node.create(make_pod(runtime_class_name="boxed"))
    assert node.said("FailedCreatePodSandBox") == [
        'Failed to create pod sandbox: runtimeclass.node.k8s.io "boxed" not found'
    ]
    await node.client.create(RuntimeClass(metadata=ObjectMeta(name="boxed"), handler="box"))
    await node.advance(1)
    assert (await node.pod()).status.phase == "Running"
    await node.client.delete(RuntimeClass, "boxed")
    await node.advance(60)
    assert (await node.pod()).status.phase == "Running"


async def test_running_containers_are_adopted_after_a_restart(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            await node.create(make_pod(init=(container("init", "true"),)))
        before = {one.id: one.state for one in await node.simulated.containers()}
        async with node.running():
            await node.settle()
            assert {one.id: one.state for one in await node.simulated.containers()} == before
            assert (await node.status_of("main")).restart_count == 0


async def test_what_happened_while_no_agent_ran_is_caught_up_with(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        async with node.running():
            await node.create(make_pod())
            await node.create(make_pod(name="gone"))
        node.simulated.crash((await node.container("main")).id, exit_code=9)
        await node.client.delete(Pod, "gone", grace_period_seconds=0)
        async with node.running():
            await node.advance(3)
            assert [one.name for one in await node.simulated.sandboxes()] == ["web"]
            assert (await node.pod()).status.phase == "Running"


async def test_the_back_off_survives_a_restart_of_the_agent(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        node.simulated.script("main", SimulatedContainer(exit_code=1, run_seconds=0))
        async with node.running():
            await node.create(make_pod())
            await node.advance(10)
            assert (await node.status_of("main")).restart_count == 2
        async with node.running():
            await node.advance(19)
            assert (await node.status_of("main")).restart_count == 2
            await node.advance(1)
            assert (await node.status_of("main")).restart_count == 3


async def test_a_runtime_that_has_lost_everything_runs_it_again(tmp_path: Path) -> None:
    async with open_node(tmp_path) as node:
        for restart_count in range(4):
            async with node.running():
                if restart_count == 0:
                    await node.create(make_pod(init=(container("init", "true"),)))
                await node.advance(1)
                status = await node.status_of("main")
                assert (status.restart_count, status.ready) == (restart_count, True)
                assert (await node.pod()).status.phase == "Running"
            node.simulated = SimulatedRuntime(node.clock)
        assert status.last_state.terminated is not None
        assert status.last_state.terminated.reason == "ContainerStatusUnknown"


def _static(pod: Pod) -> None:
    pod.metadata.annotations = {"kubernetes.io/config.hash": "abc123"}


async def test_a_mirror_that_is_deleted_and_comes_back_restarts_nothing(
    node: NodeUnderTest,
) -> None:
    await node.create(make_pod(change=_static))
    before = [one.id for one in await node.simulated.containers()]
    await node.client.delete(Pod, "web")
    await node.advance(5)
    assert [one.id for one in await node.simulated.containers()] == before
    await node.client.delete(Pod, "web", grace_period_seconds=0)
    await node.advance(1)
    await node.create(make_pod(change=_static))
    await node.advance(5)
    assert [one.id for one in await node.simulated.containers()] == before
    assert (await node.pod()).status.phase == "Running"


async def test_a_mirror_that_stays_away_ends_its_pod(node: NodeUnderTest) -> None:
    await node.create(make_pod(change=_static))
    await node.client.delete(Pod, "web", grace_period_seconds=0)
    await node.advance(1.5)
    assert len(await node.simulated.sandboxes()) == 1
    await node.advance(1)
    assert await node.simulated.sandboxes() == []
