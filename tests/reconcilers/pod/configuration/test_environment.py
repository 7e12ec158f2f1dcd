import base64

import msgspec
import pytest
from hypothesis import given, strategies as st

from kernel.objects.config import ConfigMap, Secret
from kernel.objects.meta import ObjectMeta
from kernel.objects.pod import (
    ConfigMapEnvSource,
    ConfigMapKeySelector,
    Container,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    ObjectFieldSelector,
    Pod,
    ResourceFieldSelector,
    ResourceRequirements,
    SecretEnvSource,
    SecretKeySelector,
)
from kernel.objects.service import Service, ServicePort, ServiceSpec
from kernel.reconcilers.pod.configuration.environment import (
    ConfigError,
    Sources,
    environment_of,
    expand,
    field_value,
    skipped_names,
)
from tests.reconcilers.pod.node_under_test import container, make_pod

SOURCES = Sources(
    config_maps={"settings": ConfigMap(data={"colour": "blue"}), "missing": None},
    secrets={
        "login": Secret(data={"password": base64.b64encode(b"s3cret").decode()}),
        "missing": None,
    },
    capacity={"cpu": "4", "memory": "8Gi"},
    addresses=("10.0.0.1", "fd00::1"),
    host_addresses=("192.0.2.1",),
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$(A)", "1"),
        ("x$(A)y$(B)z", "x1y2z"),
        ("$(MISSING)", "$(MISSING)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$$$$(A)", "$$(A)"),
        ("$", "$"),
        ("$A", "$A"),
        ("$(A", "$(A"),
        ("$()", "$()"),
        ("$($(A))", "$($(A))"),
        ("a$$b", "a$b"),
    ],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expected


@given(st.text(alphabet="aA$()", max_size=12), st.dictionaries(st.text("aA"), st.text("x$()")))
def test_expansion_follows_the_kubelets_scan(text: str, values: dict[str, str]) -> None:
    assert expand(text, values) == _scan(text, values)


def _scan(text: str, values: dict[str, str]) -> str:
    """The rule as a scan, character by character: the model to compare with."""
    result, position = "", 0
    while position < len(text):
        following = text[position + 1 : position + 2]
        if text[position] == "$" and following == "$":
            result, position = result + "$", position + 2
        elif text[position] == "$" and following == "(" and ")" in text[position + 2 :]:
            end = text.index(")", position + 2)
            name = text[position + 2 : end]
            result += values.get(name, f"$({name})")
            position = end + 1
        else:
            result, position = result + text[position], position + 1
    return result


@given(st.text(alphabet=st.characters(exclude_characters="$")))
def test_text_without_dollars_stays_as_it_is(text: str) -> None:
    assert expand(text, {"A": "1"}) == text


def _environment(*variables: EnvVar, env_from: list[EnvFromSource] | None = None) -> dict[str, str]:
    spec = container(env=list(variables), env_from=env_from or [])
    return environment_of(_pod(spec), spec, SOURCES)


def _pod(*containers: Container) -> Pod:
    def identify(pod: Pod) -> None:
        pod.metadata.uid = "uid1"
        pod.metadata.labels = {"app": "web", "quote": 'a"b'}
        pod.metadata.annotations = {"odd": "\t\n\\ \x01 é \u200b"}
        pod.spec.service_account_name = "robot"

    return make_pod(*containers, change=identify)


def test_values_refer_to_earlier_variables() -> None:
    environment = _environment(
        EnvVar(name="EARLY", value="$(LATE)"),
        EnvVar(name="LATE", value="late"),
        EnvVar(name="BOTH", value="$(EARLY) $(LATE)"),
    )
    assert environment == {"EARLY": "$(LATE)", "LATE": "late", "BOTH": "$(LATE) late"}


def test_whole_objects_come_first_and_may_be_prefixed() -> None:
    environment = _environment(
        EnvVar(name="X_colour", value="not $(X_colour)"),
        env_from=[
            EnvFromSource(prefix="X_", config_map_ref=ConfigMapEnvSource(name="settings")),
            EnvFromSource(secret_ref=SecretEnvSource(name="login")),
            EnvFromSource(config_map_ref=ConfigMapEnvSource(name="missing", optional=True)),
        ],
    )
    assert environment == {"X_colour": "not blue", "password": "s3cret"}


def test_names_that_variables_cannot_have_are_skipped_and_said() -> None:
    data = {"1a": "x", "b.c-d": "x", "..e": "x", "_f": "x", "2g": "x"}
    sources = Sources(
        config_maps={"odd": ConfigMap(data=data)},
        secrets={"odd": Secret(data={"3h": base64.b64encode(b"x").decode()})},
    )
    env_from = [
        EnvFromSource(config_map_ref=ConfigMapEnvSource(name="odd")),
        EnvFromSource(prefix="P", config_map_ref=ConfigMapEnvSource(name="odd")),
        EnvFromSource(prefix="4", secret_ref=SecretEnvSource(name="odd")),
    ]
    spec = container(env_from=env_from)
    names = set(environment_of(_pod(spec), spec, sources))
    assert names == {"b.c-d", "_f", "P1a", "Pb.c-d", "P..e", "P_f", "P2g"}
    assert skipped_names(_pod(spec), spec, sources) == [
        "Keys [..e, 1a, 2g] from the EnvFrom configMap default/odd were skipped"
        " since they are considered invalid environment variable names.",
        "Keys [43h] from the EnvFrom secret default/odd were skipped"
        " since they are considered invalid environment variable names.",
    ]


def test_variables_of_services_give_way_and_can_be_referred_to() -> None:
    service = Service(
        metadata=ObjectMeta(name="db", namespace="default"),
        spec=ServiceSpec(cluster_ip="10.96.0.7", ports=[ServicePort(port=5432)]),
    )
    sources = msgspec.structs.replace(SOURCES, services=(service,))
    spec = container(
        env=[
            EnvVar(name="URL", value="pg://$(DB_SERVICE_HOST):$(DB_SERVICE_PORT)"),
            EnvVar(name="DB_SERVICE_PORT", value="1"),
        ]
    )
    environment = environment_of(_pod(spec), spec, sources)
    assert environment["URL"] == "pg://10.96.0.7:5432"
    assert environment["DB_SERVICE_PORT"] == "1"
    assert environment["DB_PORT_5432_TCP_ADDR"] == "10.96.0.7"


def test_a_key_in_a_file_is_refused() -> None:
    reference = FileKeySelector(volume_name="data", path="env", key="A")
    with pytest.raises(ConfigError, match="fileKeyRef of environment variable V"):
        _from(EnvVarSource(file_key_ref=reference))


def _from(source: EnvVarSource) -> dict[str, str]:
    return _environment(EnvVar(name="V", value_from=source))


def _config(name: str, key: str, optional: bool | None = None) -> EnvVarSource:
    reference = ConfigMapKeySelector(name=name, key=key, optional=optional)
    return EnvVarSource(config_map_key_ref=reference)


def _secret(name: str, key: str, optional: bool | None = None) -> EnvVarSource:
    return EnvVarSource(secret_key_ref=SecretKeySelector(name=name, key=key, optional=optional))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (_config("settings", "colour"), {"V": "blue"}),
        (_config("settings", "size", optional=True), {}),
        (_config("missing", "colour", optional=True), {}),
        (_secret("login", "password"), {"V": "s3cret"}),
        (_secret("login", "user", optional=True), {}),
        (_secret("missing", "user", optional=True), {}),
    ],
)
def test_values_from_objects(source: EnvVarSource, expected: dict[str, str]) -> None:
    assert _from(source) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (_config("missing", "colour"), 'configmap "missing" not found'),
        (_config("settings", "size"), "couldn't find key size in ConfigMap default/settings"),
        (_secret("missing", "user"), 'secret "missing" not found'),
        (_secret("login", "user"), "couldn't find key user in Secret default/login"),
    ],
)
def test_what_is_missing_is_said_in_kubernetes_words(source: EnvVarSource, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _from(source)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "web"),
        ("metadata.namespace", "default"),
        ("metadata.uid", "uid1"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.labels", 'app="web"\nquote="a\\"b"'),
        ("metadata.annotations", r'odd="\t\n\\ \x01 é \u200b"'),
        ("metadata.annotations['odd']", "\t\n\\ \x01 é \u200b"),
        ("status.hostIPs", "192.0.2.1"),
        ("spec.nodeName", "node1"),
        ("spec.serviceAccountName", "robot"),
        ("status.podIP", "10.0.0.1"),
        ("status.podIPs", "10.0.0.1,fd00::1"),
        ("status.hostIP", "192.0.2.1"),
    ],
)
def test_fields_of_the_pod(path: str, expected: str) -> None:
    assert field_value(_pod(), path, SOURCES) == expected
    source = EnvVarSource(field_ref=ObjectFieldSelector(field_path=path))
    assert _from(source) == {"V": expected}


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"unsupported fieldPath: spec\.colour"):
        field_value(_pod(), "spec.colour", SOURCES)


@pytest.mark.parametrize(
    ("resource", "divisor", "expected"),
    [
        ("limits.cpu", "", "2"),
        ("limits.cpu", "1m", "1500"),
        ("limits.memory", "", "8589934592"),
        ("limits.memory", "1Gi", "8"),
        ("requests.memory", "1Mi", "64"),
        ("requests.cpu", "1m", "0"),
    ],
)
def test_resources_in_units_of_the_divisor(resource: str, divisor: str, expected: str) -> None:
    resources = ResourceRequirements(limits={"cpu": "1500m"}, requests={"memory": "64Mi"})
    selector = ResourceFieldSelector(resource=resource, divisor=divisor)
    variable = EnvVar(name="V", value_from=EnvVarSource(resource_field_ref=selector))
    spec = container(env=[variable], resources=resources)
    assert environment_of(_pod(spec), spec, SOURCES) == {"V": expected}
