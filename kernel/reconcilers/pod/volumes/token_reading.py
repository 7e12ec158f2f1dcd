"""Having the tokens of a Pod's volumes: from memory, from the disk, or a new one from the API.

The file that a container reads is also the record: after a restart, what the present token says of
itself tells when it has to be replaced.
"""

from collections.abc import Mapping

from kernel.api.client import Client
from kernel.api.errors import ApiError
from kernel.clock import NANOSECONDS_PER_SECOND
from kernel.objects.authentication import BoundObjectReference, TokenRequest, TokenRequestSpec
from kernel.objects.pod import Pod
from kernel.objects.runtime_identity import runtime_uid
from kernel.objects.volume import ServiceAccountTokenProjection
from kernel.reconcilers.pod.configuration.environment import ProjectedToken
from kernel.reconcilers.pod.host import Host, PodMemory
from kernel.reconcilers.pod.volumes.directories import volumes_directory
from kernel.reconcilers.pod.volumes.tokens import replacement_due, wanted_tokens

RETRY_SECONDS = 60


async def read_tokens(
    client: Client, pod: Pod, host: Host, memory: PodMemory
) -> Mapping[str, ProjectedToken]:
    """The tokens of a Pod by `token_file`, new ones where they are missing or due. A present token
    stays in use while no new one can be had."""
    held: dict[str, ProjectedToken] = {}
    now, uid = host.clock.now_nanoseconds(), pod.metadata.uid
    for name, projection in wanted_tokens(pod):
        present = memory.tokens.get(name) or _present(host, pod, name, projection)
        if now < present.due and present.pod_uid == uid:  # a mirror may be another one by now
            held[name] = present
            continue
        try:
            token = await _request(client, pod, projection)
        except ApiError as error:
            due = now + RETRY_SECONDS * NANOSECONDS_PER_SECOND
            problem = f"failed to fetch token: {error}"
            held[name] = ProjectedToken(present.token, problem, due, uid)
        else:
            due = replacement_due(token, projection, uid)
            held[name] = ProjectedToken(token, due=due, pod_uid=uid)
    memory.tokens = {name: token for name, token in held.items() if token.token}
    return held


def _present(
    host: Host, pod: Pod, name: str, projection: ServiceAccountTokenProjection
) -> ProjectedToken:
    """The token on disk, from before a restart; an empty one that is due where there is none."""
    path = volumes_directory(host.pods_directory, runtime_uid(pod)) / name
    try:
        token = path.read_text()
    except (OSError, UnicodeDecodeError):
        return ProjectedToken("")
    uid = pod.metadata.uid
    due = replacement_due(token, projection, uid)
    return ProjectedToken(token if due else "", due=due, pod_uid=uid)


async def _request(client: Client, pod: Pod, projection: ServiceAccountTokenProjection) -> str:
    metadata = pod.metadata
    reference = BoundObjectReference(
        kind=pod.kind, api_version=pod.api_version, name=metadata.name, uid=metadata.uid
    )
    spec = TokenRequestSpec(
        audiences=[projection.audience] if projection.audience else [],
        expiration_seconds=projection.expiration_seconds,
        bound_object_ref=reference,
    )
    answered = await client.request_token(
        pod.spec.service_account_name, TokenRequest(spec=spec), namespace=metadata.namespace
    )
    return answered.status.token
