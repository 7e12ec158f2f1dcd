from kernel.objects.pod import (
    ConfigMapKeySelector,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    SecretEnvSource,
    SecretKeySelector,
)
from kernel.objects.volume import (
    ConfigMapVolumeSource,
    LocalObjectReference,
    ProjectedVolumeSource,
    SecretProjection,
    Volume,
    VolumeProjection,
)
from kernel.reconcilers.pod.references import referenced_names
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
