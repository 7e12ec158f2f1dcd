"""What admission gives a Pod of its ServiceAccount."""

import pytest

from kernel.api.admission import AdmissionChain
from kernel.api.client import Client
from kernel.api.errors import Forbidden
from kernel.clock import ManualClock
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import Container, Pod, PodSpec, VolumeMount
from kernel.objects.service import ServiceAccount
from kernel.objects.volume import EmptyDirVolumeSource, LocalObjectReference, Volume
from kernel.reconcilers.service_accounts import MOUNT_PATH, service_account_admission

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def hook(client: Client, admission: AdmissionChain, clock: ManualClock) -> None:
    admission.add(service_account_admission(client, clock))


def _pod(**spec: object) -> Pod:
    containers = [Container(name=name, image="busybox") for name in ("one", "two")]
    init = [Container(name="zero", image="busybox")]
    return Pod(
        metadata=ObjectMeta(name="web"),
        spec=PodSpec(containers=containers, init_containers=init, **spec),  # type: ignore[arg-type]
    )


def _containers(pod: Pod) -> list[Container]:
    return [*pod.spec.init_containers, *pod.spec.containers]


async def test_all_containers_have_the_credentials(client: Client) -> None:
    pod = await client.create(_pod())
    assert pod.spec.service_account_name == pod.spec.service_account == "default"
    (volume,) = pod.spec.volumes
    assert volume.name.startswith("kube-api-access-")
    assert len(volume.name) == len("kube-api-access-") + 5
    mount = VolumeMount(name=volume.name, mount_path=MOUNT_PATH, read_only=True)
    assert [container.volume_mounts for container in _containers(pod)] == [[mount]] * 3
    assert volume.projected is not None
    assert volume.projected.default_mode == 0o644
    token, authority, namespace = volume.projected.sources
    assert token.service_account_token is not None
    assert token.service_account_token.expiration_seconds == 3607
    assert token.service_account_token.path == "token"
    assert authority.config_map is not None
    assert authority.config_map.name == "kube-root-ca.crt"
    assert [(item.key, item.path) for item in authority.config_map.items] == [("ca.crt", "ca.crt")]
    assert namespace.downward_api is not None
    (item,) = namespace.downward_api.items
    assert item.field_ref is not None
    assert (item.path, item.field_ref.field_path) == ("namespace", "metadata.namespace")


async def test_what_is_mounted_there_already_stays(client: Client) -> None:
    pod = _pod(volumes=[Volume(name="own", empty_dir=EmptyDirVolumeSource())])
    own = VolumeMount(name="own", mount_path=MOUNT_PATH)
    for container in _containers(pod)[:2]:
        container.volume_mounts = [own]
    created = await client.create(pod)
    mounted = [container.volume_mounts[0].name for container in _containers(created)]
    added = created.spec.volumes[1].name
    assert mounted == ["own", "own", added]
    assert [len(container.volume_mounts) for container in _containers(created)] == [1, 1, 1]


async def test_a_copy_of_a_pod_keeps_the_volume_that_it_has(client: Client) -> None:
    first = await client.create(_pod())
    copy = Pod(metadata=ObjectMeta(name="copy"), spec=first.spec)
    copy.spec.containers.append(Container(name="three", image="busybox"))
    created = await client.create(copy)
    assert [volume.name for volume in created.spec.volumes] == [first.spec.volumes[0].name]
    assert created.spec.containers[2].volume_mounts == first.spec.containers[0].volume_mounts


@pytest.mark.parametrize(
    ("of_account", "of_pod", "mounted"),
    [
        (None, None, True),
        (False, None, False),
        (True, None, True),
        (None, False, False),
        (False, True, True),
        (True, False, False),
    ],
)
async def test_who_decides_about_the_token(
    client: Client, of_account: bool | None, of_pod: bool | None, mounted: bool
) -> None:
    account = ServiceAccount(
        metadata=ObjectMeta(name="robot"), automount_service_account_token=of_account
    )
    await client.create(account)
    pod = _pod(service_account_name="robot", automount_service_account_token=of_pod)
    assert bool((await client.create(pod)).spec.volumes) is mounted


async def test_an_unknown_service_account_is_refused(client: Client) -> None:
    with pytest.raises(Forbidden) as refused:
        await client.create(_pod(service_account_name="nobody"))
    assert refused.value.message == (
        'pods "web" is forbidden: error looking up service account default/nobody: '
        'serviceaccount "nobody" not found'
    )


async def test_pull_secrets_come_from_the_service_account(client: Client) -> None:
    secrets = [LocalObjectReference(name="registry")]
    await client.create(
        ServiceAccount(metadata=ObjectMeta(name="robot"), image_pull_secrets=secrets)
    )
    created = await client.create(_pod(service_account_name="robot"))
    assert created.spec.image_pull_secrets == secrets
    own = _pod(service_account_name="robot", image_pull_secrets=[LocalObjectReference(name="mine")])
    own.metadata.name = "other"
    created = await client.create(own)
    assert [secret.name for secret in created.spec.image_pull_secrets] == ["mine"]


async def test_mirrors_of_static_pods_have_no_service_account(client: Client) -> None:
    mirror = _pod()
    mirror.metadata.annotations = {"kubernetes.io/config.mirror": "hash"}
    created = await client.create(mirror)
    assert created.spec.service_account_name == ""
    assert created.spec.volumes == []
