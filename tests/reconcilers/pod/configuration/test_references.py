import pytest

from kernel.objects.pod import (
    ConfigMapKeySelector,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    SecretEnvSource,
    SecretKeySelector,
)
from kernel.objects.pod_status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
)
from kernel.objects.volume import (
    ConfigMapVolumeSource,
    LocalObjectReference,
    ProjectedVolumeSource,
    SecretProjection,
    Volume,
    VolumeProjection,
)
from kernel.reconcilers.pod.configuration.references import may_wait, referenced_names
from tests.reconcilers.pod.node_under_test import container, make_pod


def test_everything_that_a_pod_refers_to_is_found() -> None:
    spec = container(
        env=[
            EnvVar(
                name="A",
                value_from=EnvVarSource(
                    config_map_key_ref=ConfigMapKeySelector(name="env-map", key="k")
                ),
            ),
            EnvVar(
                name="B",
                value_from=EnvVarSource(
                    secret_key_ref=SecretKeySelector(name="env-secret", key="k")
                ),
            ),
        ],
        env_from=[EnvFromSource(secret_ref=SecretEnvSource(name="from-secret"))],
    )
    projected = ProjectedVolumeSource(
        sources=[VolumeProjection(secret=SecretProjection(name="projected-secret"))]
    )
    pod = make_pod(
        init=(spec,),
        volumes=[
            Volume(name="a", config_map=ConfigMapVolumeSource(name="volume-map")),
            Volume(name="b", projected=projected),
        ],
        image_pull_secrets=[LocalObjectReference(name="pull-secret")],
    )
    config_maps, secrets = referenced_names(pod)
    assert config_maps == {"env-map", "volume-map"}
    assert secrets == {"env-secret", "from-secret", "projected-secret", "pull-secret"}


def _status(name: str, **state: object) -> ContainerStatus:
    return ContainerStatus(name=name, state=ContainerState(**state))  # type: ignore[arg-type]


RUNNING = {"running": ContainerStateRunning()}
WAITING = {"waiting": ContainerStateWaiting(reason="CreateContainerConfigError")}
ENDED = {"terminated": ContainerStateTerminated(exit_code=0)}


@pytest.mark.parametrize(
    ("mains", "init", "sidecar", "waits"),
    [
        ([], None, None, True),
        ([RUNNING], ENDED, RUNNING, False),
        ([RUNNING, WAITING], ENDED, RUNNING, True),
        ([RUNNING, ENDED], ENDED, RUNNING, True),
        ([RUNNING], ENDED, WAITING, True),
        ([RUNNING], ENDED, ENDED, True),
        ([RUNNING], WAITING, RUNNING, True),
    ],
)
def test_who_may_wait_for_an_object(
    mains: list[dict[str, object]],
    init: dict[str, object] | None,
    sidecar: dict[str, object] | None,
    waits: bool,
) -> None:
    inits = (container("init"), container("sidecar", restart_policy="Always"))
    pod = make_pod(*(container(f"c{number}") for number in range(len(mains))), init=inits)
    pod.status.container_statuses = [
        _status(f"c{number}", **state) for number, state in enumerate(mains)
    ]
    pod.status.init_container_statuses = [
        _status(name, **state)
        for name, state in (("init", init), ("sidecar", sidecar))
        if state is not None
    ]
    assert may_wait(pod) == waits
