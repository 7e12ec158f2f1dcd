"""What a running Pod sees of changes to the objects that its volumes are made of."""

import errno
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import anyio
import pytest

from kernel.clock import Clock
from kernel.cri.runtime import NO_LABELS, Sandbox
from kernel.cri.simulated.runtime import SimulatedRuntime
from kernel.objects.config import ConfigMap, Secret
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import EnvFromSource, ObjectFieldSelector, Pod, SecretEnvSource
from kernel.objects.volume import (
    ConfigMapVolumeSource,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    ProjectedVolumeSource,
    SecretProjection,
    Volume,
    VolumeProjection,
)
from kernel.reconcilers.pod.observe import POD_NAME
from kernel.reconcilers.pod.volumes import files
from tests.reconcilers.pod.node_under_test import (
    NodeUnderTest,
    container,
    make_pod,
    open_node,
)

pytestmark = pytest.mark.anyio

SETTINGS = Volume(name="settings", config_map=ConfigMapVolumeSource(name="settings"))
FACTS = Volume(
    name="facts",
    projected=ProjectedVolumeSource(
        sources=[
            VolumeProjection(secret=SecretProjection(name="login")),
            VolumeProjection(
                downward_api=DownwardAPIProjection(
                    items=[
                        DownwardAPIVolumeFile(
                            path="labels",
                            field_ref=ObjectFieldSelector(field_path="metadata.labels"),
                        )
                    ]
                )
            ),
        ]
    ),
)


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[NodeUnderTest]:
    async with open_node(tmp_path) as node:
        yield node


async def _create_settings(node: NodeUnderTest, **data: str) -> None:
    await node.client.create(ConfigMap(metadata=ObjectMeta(name="settings"), data=data))
    await node.settle()


async def _change_settings(node: NodeUnderTest, **data: str) -> None:
    settings = await node.client.get(ConfigMap, "settings")
    settings.data = data
    await node.client.update(settings)
    await node.settle()


def _volume(node: NodeUnderTest, pod: Pod, name: str) -> Path:
    return node.directory / "pods" / pod.metadata.uid / "volumes" / name


def _text(volume: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in volume.iterdir() if path.name[:2] != ".."}


async def test_files_follow_a_config_map(node: NodeUnderTest) -> None:
    async with node.running():
        await _create_settings(node, colour="blue")
        volume = _volume(node, await node.create(make_pod(volumes=[SETTINGS])), "settings")
        before = (volume / "..data").resolve()
        await _change_settings(node, colour="red", size="9")
        assert _text(volume) == {"colour": "red", "size": "9"}
        with anyio.fail_after(10):  # a thread removes what was there before
            while before.exists():  # noqa: ASYNC110 - there is no event on a disk
                await anyio.sleep(0.001)
        assert (await node.status_of("main")).restart_count == 0


async def test_files_follow_changes_made_while_nobody_ran(node: NodeUnderTest) -> None:
    await _create_settings(node, colour="blue")
    async with node.running():
        volume = _volume(node, await node.create(make_pod(volumes=[SETTINGS])), "settings")
    await _change_settings(node, colour="red")
    assert _text(volume) == {"colour": "blue"}
    async with node.running():
        assert _text(volume) == {"colour": "red"}


async def test_files_follow_secrets_and_the_pod_s_own_labels(node: NodeUnderTest) -> None:
    secret = Secret(metadata=ObjectMeta(name="login"), string_data={"password": "one"})
    await node.client.create(secret)
    async with node.running():
        pod = await node.create(make_pod(volumes=[FACTS]))
        volume = _volume(node, pod, "facts")
        assert _text(volume) == {"password": "one", "labels": ""}
        secret = await node.client.get(Secret, "login")
        secret.string_data = {"password": "two"}
        await node.client.update(secret)
        pod = await node.pod()
        pod.metadata.labels = {"rack": "22"}
        await node.client.update(pod)
        await node.settle()
        assert _text(volume) == {"password": "two", "labels": 'rack="22"'}


async def test_a_change_that_is_none_of_its_files_writes_nothing(node: NodeUnderTest) -> None:
    async with node.running():
        await _create_settings(node, colour="blue", size="9")
        items = [KeyToPath(key="colour", path="colour")]
        source = ConfigMapVolumeSource(name="settings", items=items)
        pod = make_pod(volumes=[Volume(name="settings", config_map=source)])
        volume = _volume(node, await node.create(pod), "settings")
        before = (volume / "..data").resolve()
        await _change_settings(node, colour="blue", size="10")
        assert (volume / "..data").resolve() == before


async def test_files_outlive_their_object_with_an_event(node: NodeUnderTest) -> None:
    async with node.running():
        await _create_settings(node, colour="blue")
        volume = _volume(node, await node.create(make_pod(volumes=[SETTINGS])), "settings")
        await node.client.delete(ConfigMap, "settings")
        await node.settle()
        assert _text(volume) == {"colour": "blue"}
        assert node.said("FailedMount") == [
            'MountVolume.SetUp failed for volume "settings" : configmap "settings" not found'
        ]
        node.simulated.crash((await node.container("main")).id)
        await node.settle()
        assert (await node.status_of("main")).restart_count == 1
        assert (await node.status_of("main")).state.running is not None
        await _create_settings(node, colour="green")
        assert _text(volume) == {"colour": "green"}


async def test_what_could_not_be_written_is_tried_again(
    node: NodeUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with node.running():
        await _create_settings(node, colour="blue")
        volume = _volume(node, await node.create(make_pod(volumes=[SETTINGS])), "settings")
        with monkeypatch.context() as full:
            full.setattr(files, "_write", _no_space)
            await _change_settings(node, colour="red")
            assert node.said("FailedMount") == [
                'MountVolume.SetUp failed for volume "settings" : /disk: no space left on device'
            ]
        assert _text(volume) == {"colour": "blue"}
        await node.advance(1)
        assert _text(volume) == {"colour": "red"}


def _no_space(*arguments: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/disk")


async def test_a_pod_starts_as_soon_as_its_volume_can_be_made(node: NodeUnderTest) -> None:
    async with node.running():
        items = [KeyToPath(key="colour", path="colour")]
        source = ConfigMapVolumeSource(name="settings", items=items)
        await node.create(make_pod(volumes=[Volume(name="settings", config_map=source)]))
        await node.advance(600)  # its back-off has grown by then
        await _create_settings(node, size="9")
        assert node.said("FailedMount")[-1] == (
            'MountVolume.SetUp failed for volume "settings" :'
            " configmap references non-existent config key: colour"
        )
        assert (await node.pod()).status.phase == "Pending"
        await _change_settings(node, colour="blue")
        assert (await node.pod()).status.phase == "Running"


async def test_a_container_starts_as_soon_as_its_environment_is_there(node: NodeUnderTest) -> None:
    source = EnvFromSource(secret_ref=SecretEnvSource(name="login"))
    async with node.running():
        await node.create(make_pod(container(env_from=[source])))
        await node.advance(600)
        waiting = (await node.status_of("main")).state.waiting
        assert waiting is not None
        assert (waiting.reason, waiting.message) == (
            "CreateContainerConfigError",
            'secret "login" not found',
        )
        secret = Secret(metadata=ObjectMeta(name="login"), string_data={"password": "one"})
        await node.client.create(secret)
        await node.settle()
        assert (await node.status_of("main")).state.running is not None


async def test_a_long_pull_does_not_hold_updates_up(node: NodeUnderTest) -> None:
    node.simulated.delay("pull_image", 300, subject="slow:1")
    async with node.running():
        await _create_settings(node, colour="blue")
        pod = make_pod(container("main"), container("slow", image="slow:1"), volumes=[SETTINGS])
        volume = _volume(node, await node.create(pod), "settings")
        await node.advance(1)
        await _change_settings(node, colour="red")
        assert _text(volume) == {"colour": "red"}
        assert (await node.status_of("slow")).state.waiting is not None


class _Looked(SimulatedRuntime):
    """Keeps the names of the Pods that were looked at."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.names: set[str] = set()

    async def sandboxes(self, *, labels: Mapping[str, str] = NO_LABELS) -> list[Sandbox]:
        self.names.add(labels.get(POD_NAME, ""))
        return await super().sandboxes(labels=labels)


async def test_only_pods_that_wait_are_looked_at_in_the_runtime(node: NodeUnderTest) -> None:
    runtime = _Looked(node.clock)
    async with node.running(runtime):
        await _create_settings(node, colour="blue")
        await node.create(make_pod(name="other"))
        await node.create(make_pod(name="waiting", volumes=[SETTINGS], change=_without_login))
        volume = _volume(node, await node.create(make_pod(volumes=[SETTINGS])), "settings")
        runtime.names.clear()
        await _change_settings(node, colour="red")
        assert runtime.names == {"waiting"}
        assert _text(volume) == {"colour": "red"}


def _without_login(pod: Pod) -> None:
    source = EnvFromSource(secret_ref=SecretEnvSource(name="login"))
    pod.spec.containers[0].env_from = [source]
