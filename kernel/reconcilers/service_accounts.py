"""Admission of Pods: each has a ServiceAccount, and its credentials in every container.

What Kubernetes' admission plugin ServiceAccount does (plugin/pkg/admission/serviceaccount). The
token in the volume that is added here is asked for by the node agent when the Pod starts.
"""

from collections.abc import Iterator

from kernel.api.admission import AdmissionHook, AdmissionRequest, admission
from kernel.api.client import Client
from kernel.api.errors import Forbidden, NotFound
from kernel.api.metadata import generate_name
from kernel.api.pod_defaulting import MIRROR_ANNOTATION
from kernel.clock import Clock
from kernel.objects.pod import Container, ObjectFieldSelector, Pod, VolumeMount
from kernel.objects.service import ServiceAccount
from kernel.objects.volume import (
    ConfigMapProjection,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    KeyToPath,
    ProjectedVolumeSource,
    ServiceAccountTokenProjection,
    Volume,
    VolumeProjection,
)

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
TOKEN_SECONDS = 3607
AUTHORITY_CONFIG_MAP = "kube-root-ca.crt"


def service_account_admission(client: Client, clock: Clock) -> AdmissionHook:
    """The hook that looks ServiceAccounts up with `client`."""

    @admission(Pod, name="ServiceAccount")
    async def give_identity(request: AdmissionRequest) -> None:
        pod: Pod = request.object
        if MIRROR_ANNOTATION in pod.metadata.annotations:
            return
        name = pod.spec.service_account_name
        try:
            account = await client.get(ServiceAccount, name, namespace=request.namespace)
        except NotFound as error:
            raise Forbidden(
                f'pods "{request.name}" is forbidden: error looking up service account '
                f'{request.namespace}/{name}: serviceaccount "{name}" not found'
            ) from error
        if _wants_token(pod, account):
            _mount_token(pod, clock)
        if not pod.spec.image_pull_secrets:
            pod.spec.image_pull_secrets = account.image_pull_secrets

    return give_identity


def _wants_token(pod: Pod, account: ServiceAccount) -> bool:
    """The Pod's word counts before the ServiceAccount's; without either, it does."""
    for wish in (pod.spec.automount_service_account_token, account.automount_service_account_token):
        if wish is not None:
            return wish
    return True


def _mount_token(pod: Pod, clock: Clock) -> None:
    """Mount the credentials in all containers that have nothing in that place."""
    without = list(_containers_without(pod))
    if not without:
        return
    names = (volume.name for volume in pod.spec.volumes)
    name = next((name for name in names if name.startswith(VOLUME_PREFIX)), "")
    if not name:
        name = generate_name(VOLUME_PREFIX, clock)
        pod.spec.volumes.append(_credentials(name))
    for container in without:
        mount = VolumeMount(name=name, mount_path=MOUNT_PATH, read_only=True)
        container.volume_mounts.append(mount)


def _containers_without(pod: Pod) -> Iterator[Container]:
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        if all(mount.mount_path != MOUNT_PATH for mount in container.volume_mounts):
            yield container


def _credentials(name: str) -> Volume:
    authority = KeyToPath(key="ca.crt", path="ca.crt")
    namespace = DownwardAPIVolumeFile(
        path="namespace", field_ref=ObjectFieldSelector(field_path="metadata.namespace")
    )
    return Volume(
        name=name,
        projected=ProjectedVolumeSource(
            sources=[
                VolumeProjection(
                    service_account_token=ServiceAccountTokenProjection(
                        path="token", expiration_seconds=TOKEN_SECONDS
                    )
                ),
                VolumeProjection(
                    config_map=ConfigMapProjection(name=AUTHORITY_CONFIG_MAP, items=[authority])
                ),
                VolumeProjection(downward_api=DownwardAPIProjection(items=[namespace])),
            ]
        ),
    )
