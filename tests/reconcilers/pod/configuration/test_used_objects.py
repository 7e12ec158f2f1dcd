import pytest

from kernel.objects.config import ConfigMap, Secret
from kernel.objects.pod import (
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    Container,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    Pod,
    VolumeMount,
)
from kernel.objects.volume import (
    KeyToPath,
    ProjectedVolumeSource,
    SecretProjection,
    Volume,
    VolumeProjection,
)
from kernel.reconcilers.pod.configuration.environment import Sources
from kernel.reconcilers.pod.configuration.used_objects import (
    CONFIGURATION,
    RESTART_ON_CHANGE,
    Configuration,
    changed_objects,
    configuration_of,
    encoded,
    refused_wish,
    restarts_on_change,
    started_with,
)
from tests.reconcilers.pod.made_up import running
from tests.reconcilers.pod.node_under_test import container, make_pod

LOGIN = Volume(
    name="login",
    projected=ProjectedVolumeSource(
        sources=[
            VolumeProjection(
                secret=SecretProjection(
                    name="login", items=[KeyToPath(key="password", path="password")]
                )
            )
        ]
    ),
)
ONE_KEY = EnvVar(
    name="COLOUR",
    value_from=EnvVarSource(config_map_key_ref=ConfigMapKeySelector(name="settings", key="colour")),
)
ALL_KEYS = EnvFromSource(config_map_ref=ConfigMapEnvSource(name="settings", optional=True))
MOUNT = VolumeMount(name="login", mount_path="/login")


def _sources(settings: dict[str, str] | None, **login: str) -> Sources:
    return Sources(
        config_maps={"settings": None if settings is None else ConfigMap(data=settings)},
        secrets={"login": Secret(data=login)},
    )


def _of(spec: Container, sources: Sources) -> Configuration:
    return configuration_of(make_pod(spec, volumes=[LOGIN]), spec, sources)


@pytest.mark.parametrize(
    ("spec", "before", "after", "changed"),
    [
        (container(), _sources({"a": "1"}), _sources({"a": "2"}), []),
        (
            container(env=[ONE_KEY]),
            _sources({"colour": "blue", "size": "9"}),
            _sources({"colour": "blue", "size": "10"}),
            [],
        ),
        (
            container(env=[ONE_KEY]),
            _sources({"colour": "blue"}),
            _sources({"colour": "red"}),
            ["ConfigMap settings"],
        ),
        (
            container(env_from=[ALL_KEYS]),
            _sources({"colour": "blue", "size": "9"}),
            _sources({"colour": "blue", "size": "10"}),
            ["ConfigMap settings"],
        ),
        (
            container(env_from=[ALL_KEYS]),
            _sources(None),
            _sources({"a": "1"}),
            ["ConfigMap settings"],
        ),
        (container(env_from=[ALL_KEYS]), _sources({"a": "1"}), _sources(None), []),
        (container(), _sources({}, password="1"), _sources({}, password="2"), []),
        (
            container(volume_mounts=[MOUNT]),
            _sources({}, password="1"),
            _sources({}, password="2"),
            ["Secret login"],
        ),
        (
            container(volume_mounts=[MOUNT]),
            _sources({}, password="1", user="a"),
            _sources({}, password="1", user="b"),
            [],
        ),
        (
            container(env_from=[ALL_KEYS], volume_mounts=[MOUNT]),
            _sources({"a": "1"}, password="1"),
            _sources({"a": "2"}, password="2"),
            ["ConfigMap settings", "Secret login"],
        ),
    ],
)
def test_what_has_changed_for_a_container(
    spec: Container, before: Sources, after: Sources, changed: list[str]
) -> None:
    assert changed_objects(_of(spec, before), _of(spec, after)) == changed
    assert changed_objects(_of(spec, before), _of(spec, before)) == []


def test_what_a_container_was_started_with_is_read_back() -> None:
    configuration = {"ConfigMap settings": "0123"}
    annotations = {CONFIGURATION: encoded(configuration)}
    assert started_with(running("main", annotations=annotations)) == configuration
    assert started_with(running("main", annotations={CONFIGURATION: "{"})) == {}
    assert started_with(running("main", annotations={})) == {}


def _asking(value: str | None, restart: str = "Always") -> Pod:
    pod = make_pod(restart=restart)
    if value is not None:
        pod.metadata.annotations = {RESTART_ON_CHANGE: value}
    return pod


@pytest.mark.parametrize(
    ("pod", "restarts", "refusal"),
    [
        (_asking(None), False, ""),
        (_asking("false"), False, ""),
        (_asking("true"), True, ""),
        (
            _asking("true", "OnFailure"),
            False,
            "annotation podkernel.dev/restart-on-change is followed with restartPolicy Always"
            " alone",
        ),
        (
            _asking("yes"),
            False,
            'annotation podkernel.dev/restart-on-change: "yes" is neither "true" nor "false"',
        ),
    ],
)
def test_who_is_restarted(pod: Pod, restarts: bool, refusal: str) -> None:
    assert restarts_on_change(pod) == restarts
    assert refused_wish(pod) == refusal
