import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from kernel.api.defaulting import default
from kernel.api.rules.pods import UPDATE_RULE
from kernel.api.validation import validate_create, validate_update
from kernel.objects.decoding import decode
from kernel.objects.pod import (
    Container,
    ContainerPort,
    EphemeralContainer,
    Pod,
    PodSchedulingGate,
    Toleration,
)


def pod_of(spec: dict[str, Any]) -> Pod:
    pod = decode(Pod, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    default(pod)
    return pod


def with_container(**fields: Any) -> Pod:
    return pod_of({"containers": [{"name": "web", "image": "nginx", **fields}]})


def with_spec(**spec: Any) -> Pod:
    return pod_of({"containers": [{"name": "web", "image": "nginx"}], **spec})


def causes_of(pod: Pod) -> list[tuple[str, str]]:
    return [(cause.field, cause.message) for cause in validate_create(pod)]


def test_a_pod_with_everything_is_accepted() -> None:
    pod = pod_of(
        {
            "initContainers": [
                {"name": "copy", "image": "war:1", "command": ["cp"]},
                {
                    "name": "logs",
                    "image": "logs:1",
                    "restartPolicy": "Always",
                    "livenessProbe": {"tcpSocket": {"port": "metrics"}},
                },
            ],
            "containers": [
                {
                    "name": "web",
                    "image": "tomcat:9",
                    "ports": [{"containerPort": 8080, "hostPort": 8001, "name": "http"}],
                    "env": [
                        {"name": "A.b-c", "value": "$(B)"},
                        {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                        {
                            "name": "C",
                            "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a']"}},
                        },
                        {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    ],
                    "envFrom": [{"configMapRef": {"name": "settings"}, "prefix": "P_"}],
                    "volumeMounts": [
                        {"name": "app", "mountPath": "/app", "subPath": "x/y"},
                        {"name": "info", "mountPath": "/info"},
                    ],
                    "livenessProbe": {"httpGet": {"port": "http", "path": "/"}},
                    "lifecycle": {"preStop": {"sleep": {"seconds": 5}}},
                    "resources": {"limits": {"cpu": "1", "example.com/gpu": "2"}},
                }
            ],
            "volumes": [
                {"name": "app", "emptyDir": {"sizeLimit": "1Gi"}},
                {"name": "host", "hostPath": {"path": "/var/log", "type": "Directory"}},
                {
                    "name": "info",
                    "projected": {
                        "sources": [
                            {"secret": {"name": "s", "items": [{"key": "k", "path": "a/k"}]}},
                            {"serviceAccountToken": {"path": "token"}},
                            {
                                "downwardAPI": {
                                    "items": [
                                        {
                                            "path": "labels",
                                            "fieldRef": {"fieldPath": "metadata.labels"},
                                        }
                                    ]
                                }
                            },
                        ]
                    },
                },
            ],
            "hostAliases": [{"ip": "10.0.0.1", "hostnames": ["foo.example"]}],
            "nodeSelector": {"disktype": "ssd"},
            "tolerations": [{"operator": "Exists"}],
        }
    )
    assert causes_of(pod) == []


def test_a_pod_has_a_container() -> None:
    assert causes_of(pod_of({})) == [("spec.containers", "Required value")]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "a.b"}, [("name", 'Invalid value: "a.b": must not contain dots')]),
        ({"image": ""}, [("image", "Required value")]),
        (
            {"image": " nginx"},
            [("image", 'Invalid value: " nginx": must not have leading or trailing whitespace')],
        ),
        (
            {"imagePullPolicy": "Sometimes"},
            [
                (
                    "imagePullPolicy",
                    'Unsupported value: "Sometimes": supported values: "Always",'
                    ' "IfNotPresent", "Never"',
                )
            ],
        ),
        ({"restartPolicy": "OnFailure"}, []),
        (
            {"restartPolicy": "Maybe"},
            [
                (
                    "restartPolicy",
                    'Unsupported value: "Maybe": supported values: "Always", "Never", "OnFailure"',
                )
            ],
        ),
        (
            {
                "restartPolicy": "Never",
                "restartPolicyRules": [
                    {"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}
                ],
            },
            [],
        ),
        (
            {
                "restartPolicyRules": [
                    {"action": "Ignore", "exitCodes": {"values": list(range(256))}},
                    {"action": "Restart"},
                ]
            },
            [
                (
                    "restartPolicy",
                    "Required value: must specify restartPolicy when restart rules are used",
                ),
                (
                    "restartPolicyRules[0].action",
                    'Unsupported value: "Ignore": supported values: "Restart"',
                ),
                (
                    "restartPolicyRules[0].exitCodes.operator",
                    'Unsupported value: "": supported values: "In", "NotIn"',
                ),
                (
                    "restartPolicyRules[0].exitCodes.values",
                    "Too many: 256: must have at most 255 items",
                ),
                ("restartPolicyRules[1].exitCodes", "Required value: must be specified"),
            ],
        ),
        (
            {"ports": [{"containerPort": 0}, {"containerPort": 65536}]},
            [
                ("ports[0].containerPort", "Required value"),
                (
                    "ports[1].containerPort",
                    "Invalid value: 65536: must be between 1 and 65535, inclusive",
                ),
            ],
        ),
        (
            {
                "ports": [
                    {"containerPort": 80, "name": "http", "protocol": "tcp"},
                    {"containerPort": 81, "name": "http"},
                    {"containerPort": 82, "name": "a--1"},
                    {"containerPort": 83, "name": "much-too-long-name"},
                ]
            },
            [
                (
                    "ports[0].protocol",
                    'Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
                ),
                ("ports[1].name", 'Duplicate value: "http"'),
                (
                    "ports[2].name",
                    'Invalid value: "a--1": must not contain consecutive hyphens',
                ),
                (
                    "ports[3].name",
                    'Invalid value: "much-too-long-name": must be no more than 15 bytes',
                ),
            ],
        ),
        (
            {"ports": [{"containerPort": 80, "hostPort": 1}, {"containerPort": 81, "hostPort": 1}]},
            [("ports[1].hostPort", 'Duplicate value: "TCP//1"')],
        ),
        (
            {"env": [{"name": ""}, {"name": "A=B"}, {"name": "C", "valueFrom": {}}]},
            [
                ("env[0].name", "Required value"),
                (
                    "env[1].name",
                    'Invalid value: "A=B": a valid environment variable name must consist only'
                    " of printable ASCII characters other than '='",
                ),
                (
                    "env[2].valueFrom",
                    'Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`,'
                    " `configMapKeyRef` or `secretKeyRef`",
                ),
            ],
        ),
        (
            {
                "env": [
                    {
                        "name": "A",
                        "value": "x",
                        "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}},
                    }
                ]
            },
            [
                (
                    "env[0].valueFrom",
                    'Invalid value: "": may not be specified when `value` is not empty',
                )
            ],
        ),
        (
            {"envFrom": [{}]},
            [
                (
                    "envFrom[0]",
                    'Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
                )
            ],
        ),
        (
            {"volumeMounts": [{"name": "no", "mountPath": "/a"}]},
            [("volumeMounts[0].name", 'Not found: "no"')],
        ),
        (
            {"resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}},
            [
                (
                    "resources.requests",
                    'Invalid value: "2": must be less than or equal to cpu limit of 1',
                )
            ],
        ),
        (
            {"resources": {"requests": {"cpu": "-1"}}},
            [
                (
                    "resources.requests[cpu]",
                    'Invalid value: "-1": must be greater than or equal to 0',
                )
            ],
        ),
        ({"livenessProbe": {}}, [("livenessProbe", "Required value: must specify a handler type")]),
        (
            {"livenessProbe": {"exec": {"command": ["a"]}, "successThreshold": 2}},
            [("livenessProbe.successThreshold", "Invalid value: 2: must be 1")],
        ),
        (
            {"readinessProbe": {"exec": {}, "periodSeconds": -1, "tcpSocket": {"port": 1}}},
            [
                (
                    "readinessProbe.tcpSocket",
                    "Forbidden: may not specify more than 1 handler type",
                ),
                ("readinessProbe.exec.command", "Required value"),
                (
                    "readinessProbe.periodSeconds",
                    "Invalid value: -1: must be greater than or equal to 0",
                ),
            ],
        ),
        (
            {"startupProbe": {"httpGet": {"port": 0, "scheme": "FTP"}}},
            [
                (
                    "startupProbe.httpGet.port",
                    "Invalid value: 0: must be between 1 and 65535, inclusive",
                ),
                (
                    "startupProbe.httpGet.scheme",
                    'Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
                ),
            ],
        ),
        (
            {"lifecycle": {"preStop": {"sleep": {"seconds": 31}}}},
            [
                (
                    "lifecycle.preStop.sleep",
                    "Invalid value: 31: must be non-negative and less than"
                    " terminationGracePeriodSeconds (30)",
                )
            ],
        ),
    ],
)
def test_containers(fields: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    expected = [(f"spec.containers[0].{field}", message) for field, message in expected]
    assert causes_of(with_container(**fields)) == expected


def test_stop_signals_are_signals() -> None:
    for name in ("SIGUSR1", "SIGRTMIN+15", "SIGRTMAX-14", "SIGCLD"):
        assert causes_of(with_container(lifecycle={"stopSignal": name})) == []
    for name in ("SIGFOO", "USR1", "15", "SIGRTMIN+16", ""):
        (cause,) = validate_create(with_container(lifecycle={"stopSignal": name}))
        assert cause.field == "spec.containers[0].lifecycle.stopSignal"
        assert 'supported values: "SIGABRT", "SIGALRM"' in cause.message


def test_resources_are_standard_or_qualified() -> None:
    amounts = {"gpu": "1", "example.dev/gpu": "1", "hugepages-2Mi": "2Mi"}
    assert causes_of(with_container(resources={"limits": amounts})) == [
        (f"spec.containers[0].resources.{side}[gpu]", f'Invalid value: "gpu": {rule}')
        for side in ("limits", "requests")
        for rule in (
            "must be a standard resource type or fully qualified",
            "must be a standard resource for containers",
        )
    ]


def test_fields_that_variables_may_name() -> None:
    reference = {"fieldRef": {"fieldPath": "spec.restartPolicy"}}
    (cause,) = validate_create(with_container(env=[{"name": "A", "valueFrom": reference}]))
    assert cause.reason == "FieldValueNotSupported"
    assert cause.field == "spec.containers[0].env[0].valueFrom.fieldRef.fieldPath"
    assert '"metadata.name", "metadata.namespace", "metadata.uid"' in cause.message


def test_names_are_unique_over_all_sorts_of_containers() -> None:
    container = {"name": "web", "image": "nginx"}
    pod = pod_of(
        {
            "containers": [container, container],
            "initContainers": [container],
            "ephemeralContainers": [container | {"targetContainerName": "other"}],
        }
    )
    assert causes_of(pod) == [
        ("spec.containers[1].name", 'Duplicate value: "web"'),
        ("spec.initContainers[0].name", 'Duplicate value: "web"'),
        ("spec.ephemeralContainers[0].name", 'Duplicate value: "web"'),
        ("spec.ephemeralContainers[0].targetContainerName", 'Not found: "other"'),
        ("spec.ephemeralContainers", "Forbidden: cannot be set on create"),
    ]


def test_host_ports_clash_over_containers_but_not_over_init_containers() -> None:
    def container(name: str) -> dict[str, Any]:
        ports = [{"containerPort": 80, "hostPort": 80}]
        return {"name": name, "image": "nginx", "ports": ports}

    pod = pod_of(
        {
            "containers": [container("a"), container("b")],
            "initContainers": [container("c"), container("d")],
        }
    )
    assert causes_of(pod) == [
        ("spec.containers[1].ports[0].hostPort", 'Duplicate value: "TCP//80"')
    ]


def test_init_containers_have_no_hooks_unless_they_are_sidecars() -> None:
    hooks = {
        "name": "init",
        "image": "nginx",
        "livenessProbe": {"exec": {"command": ["a"]}},
        "lifecycle": {"postStart": {"exec": {"command": ["a"]}}},
    }
    forbidden = "Forbidden: may not be set for init containers without restartPolicy=Always"
    assert causes_of(with_spec(initContainers=[hooks])) == [
        ("spec.initContainers[0].lifecycle", forbidden),
        ("spec.initContainers[0].livenessProbe", forbidden),
    ]
    assert causes_of(with_spec(initContainers=[hooks | {"restartPolicy": "Always"}])) == []
    assert causes_of(with_spec(initContainers=[hooks | {"restartPolicy": "Never"}])) != []


@pytest.mark.parametrize(
    ("volume", "expected"),
    [
        (
            {"hostPath": {"path": ""}, "emptyDir": {}},
            [
                ("emptyDir", "Forbidden: may not specify more than 1 volume type"),
                ("hostPath.path", "Required value"),
            ],
        ),
        (
            {"hostPath": {"path": "/a/../b", "type": "Dir"}},
            [
                ("hostPath.path", "Invalid value: \"/a/../b\": must not contain '..'"),
                (
                    "hostPath.type",
                    'Unsupported value: "Dir": supported values: "", "BlockDevice",'
                    ' "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate",'
                    ' "Socket"',
                ),
            ],
        ),
        ({"secret": {}}, [("secret.secretName", "Required value")]),
        (
            {"configMap": {"name": "c", "items": [{"key": "k", "path": "../x", "mode": 512}]}},
            [
                (
                    "configMap.items[0].path",
                    "Invalid value: \"../x\": must not contain '..'",
                ),
                (
                    "configMap.items[0].mode",
                    "Invalid value: 512: must be a number between 0 and 0777 (octal), both"
                    " inclusive",
                ),
            ],
        ),
        (
            {
                "projected": {
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 9}}]
                }
            },
            [
                (
                    "projected.sources[0].serviceAccountToken.expirationSeconds",
                    "Invalid value: 9: may not specify a duration less than 10 minutes",
                )
            ],
        ),
        (
            {"downwardAPI": {"items": [{"path": "a"}]}},
            [
                (
                    "downwardAPI",
                    "Required value: one of fieldRef and resourceFieldRef is required",
                )
            ],
        ),
        (
            {"persistentVolumeClaim": {"claimName": ""}},
            [("persistentVolumeClaim.claimName", "Required value")],
        ),
    ],
)
def test_volumes(volume: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = causes_of(with_spec(volumes=[{"name": "v", **volume}]))
    assert found == [(f"spec.volumes[0].{field}", message) for field, message in expected]


def test_volume_names_and_mount_paths_are_unique() -> None:
    mounts = [{"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/a"}]
    pod = pod_of(
        {
            "containers": [{"name": "web", "image": "nginx", "volumeMounts": mounts}],
            "volumes": [{"name": "v"}, {"name": "v"}],
        }
    )
    assert causes_of(pod) == [
        ("spec.volumes[1].name", 'Duplicate value: "v"'),
        ("spec.containers[0].volumeMounts[1].mountPath", 'Invalid value: "/a": must be unique'),
    ]


@pytest.mark.parametrize(
    ("spec", "field", "message"),
    [
        (
            {"restartPolicy": "Maybe"},
            "restartPolicy",
            'Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
        ),
        (
            {"dnsPolicy": "None"},
            "dnsConfig",
            "Required value: must provide `dnsConfig` when `dnsPolicy` is None",
        ),
        (
            {"activeDeadlineSeconds": 0},
            "activeDeadlineSeconds",
            "Invalid value: 0: must be between 1 and 2147483647, inclusive",
        ),
        (
            {"hostAliases": [{"ip": "localhost"}]},
            "hostAliases[0].ip",
            'Invalid value: "localhost": must be a valid IP address, (e.g. 10.9.8.7 or'
            " 2001:db8::ffff)",
        ),
        (
            {"tolerations": [{"key": "a", "operator": "Exists", "value": "b"}]},
            "tolerations[0].operator",
            "Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
        ),
        (
            {"tolerations": [{"key": "a", "tolerationSeconds": 1}]},
            "tolerations[0].effect",
            "Invalid value: \"\": effect must be 'NoExecute' when `tolerationSeconds` is set",
        ),
        (
            {"os": {"name": "plan9"}},
            "os.name",
            'Unsupported value: "plan9": supported values: "linux", "windows"',
        ),
        ({"nodeSelector": {"a": "-"}}, "nodeSelector", 'Invalid value: "-": a valid label must'),
        ({"hostname": "A"}, "hostname", 'Invalid value: "A": a lowercase RFC 1123 label must'),
    ],
)
def test_the_pod_as_a_whole(spec: dict[str, Any], field: str, message: str) -> None:
    ((found_field, found_message),) = causes_of(with_spec(**spec))
    assert found_field == f"spec.{field}"
    assert found_message.startswith(message)


def test_with_the_nodes_network_host_ports_are_container_ports() -> None:
    ports = [{"containerPort": 80, "hostPort": 81}]
    containers = [{"name": "web", "image": "nginx", "ports": ports}]
    assert causes_of(pod_of({"containers": containers, "hostNetwork": True})) == [
        (
            "spec.containers[0].ports[0].hostPort",
            "Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
        )
    ]


def updated(change: Any) -> list[tuple[str, str]]:
    old = with_spec(
        initContainers=[{"name": "init", "image": "a:1"}],
        tolerations=[{"key": "a", "operator": "Exists", "effect": "NoExecute"}],
        activeDeadlineSeconds=100,
        schedulingGates=[{"name": "example.com/a"}, {"name": "example.com/b"}],
    )
    new = copy.deepcopy(old)
    change(new)
    return [(cause.field, cause.message) for cause in validate_update(new, old)]


def set_image(pod: Pod) -> None:
    pod.spec.containers[0].image = "nginx:2"
    pod.spec.init_containers[0].image = "a:2"


def add_toleration(pod: Pod) -> None:
    pod.spec.tolerations.insert(0, Toleration(key="b", operator="Exists"))
    pod.spec.tolerations[1].toleration_seconds = 5


def shorten_deadline(pod: Pod) -> None:
    pod.spec.active_deadline_seconds = 50


def drop_gate(pod: Pod) -> None:
    del pod.spec.scheduling_gates[0]


def label(pod: Pod) -> None:
    pod.metadata.labels["a"] = "b"


@pytest.mark.parametrize("change", [set_image, add_toleration, shorten_deadline, drop_gate, label])
def test_what_an_update_may_change(change: Any) -> None:
    assert updated(change) == []


def set_command(pod: Pod) -> None:
    pod.spec.containers[0].command = ["sh"]


def set_node(pod: Pod) -> None:
    pod.spec.node_name = "node1"


def set_grace(pod: Pod) -> None:
    pod.spec.termination_grace_period_seconds = 1


def add_gate(pod: Pod) -> None:
    pod.spec.scheduling_gates.append(PodSchedulingGate(name="example.com/c"))


@pytest.mark.parametrize("change", [set_command, set_node, set_grace, add_gate])
def test_what_an_update_may_not_change(change: Any) -> None:
    assert updated(change) == [("spec", f"Forbidden: {UPDATE_RULE}")]


def test_containers_neither_come_nor_go() -> None:
    def add(pod: Pod) -> None:
        pod.spec.containers.append(Container(name="b", image="b"))
        default(pod)

    assert updated(add) == [
        ("spec.containers", "Forbidden: pod updates may not add or remove containers")
    ]


def test_tolerations_stay_and_deadlines_only_shrink() -> None:
    def drop_toleration(pod: Pod) -> None:
        del pod.spec.tolerations[0]

    def lengthen(pod: Pod) -> None:
        pod.spec.active_deadline_seconds = 101

    def unset(pod: Pod) -> None:
        pod.spec.active_deadline_seconds = None

    assert [field for field, _ in updated(drop_toleration)] == ["spec.tolerations"]
    assert updated(lengthen) == [
        (
            "spec.activeDeadlineSeconds",
            "Invalid value: 101: must be less than or equal to previous value",
        )
    ]
    assert updated(unset) == [
        (
            "spec.activeDeadlineSeconds",
            "Invalid value: null: must not update from a positive integer to nil value",
        )
    ]


def ephemeral(name: str, **fields: Any) -> EphemeralContainer:
    return EphemeralContainer(name=name, image="busybox:1", **fields)


def debugged(change: Callable[[Pod], None], **metadata: Any) -> list[tuple[str, str]]:
    """What is wrong with a change by way of the subresource ephemeralcontainers."""
    old = with_spec()
    old.spec.ephemeral_containers = [ephemeral("first")]
    old.metadata.annotations |= metadata.get("annotations", {})
    new = copy.deepcopy(old)
    change(new)
    default(new)
    default(old)
    causes = validate_update(new, old, "ephemeralcontainers")
    return [(cause.field, cause.message) for cause in causes]


def test_ephemeral_containers_may_be_added() -> None:
    def add(pod: Pod) -> None:
        pod.spec.ephemeral_containers.insert(0, ephemeral("second", target_container_name="web"))

    assert debugged(add) == []


def test_ephemeral_containers_may_not_be_removed() -> None:
    words = 'Forbidden: existing ephemeral containers "first" may not be removed'
    assert debugged(lambda pod: pod.spec.ephemeral_containers.clear()) == [
        ("spec.ephemeralContainers", words)
    ]


def test_ephemeral_containers_may_not_be_changed() -> None:
    def change(pod: Pod) -> None:
        pod.spec.ephemeral_containers[0].image = "busybox:2"

    words = 'Forbidden: existing ephemeral containers "first" may not be changed'
    assert debugged(change) == [("spec.ephemeralContainers", words)]


def test_what_is_added_keeps_the_rules_of_ephemeral_containers() -> None:
    def add(pod: Pod) -> None:
        pod.spec.ephemeral_containers.append(
            ephemeral("web", ports=[ContainerPort(container_port=80)])
        )

    assert debugged(add) == [
        ("spec.ephemeralContainers[1].name", 'Duplicate value: "web"'),
        (
            "spec.ephemeralContainers[1].ports",
            "Forbidden: cannot be set for an Ephemeral Container",
        ),
    ]


def test_static_pods_have_no_ephemeral_containers() -> None:
    words = "Forbidden: static pods do not support ephemeral containers"
    found = debugged(lambda pod: None, annotations={"kubernetes.io/config.mirror": "hash"})
    assert found == [("spec.ephemeralContainers", words)]


@pytest.mark.parametrize(
    ("mount", "refusals"),
    [
        ({"readOnly": True, "recursiveReadOnly": "Enabled"}, []),
        ({"recursiveReadOnly": "Disabled"}, []),
        (
            {"recursiveReadOnly": "IfPossible", "mountPropagation": "HostToContainer"},
            [
                "Forbidden: may only be specified when readOnly is true",
                "Forbidden: may only be specified when mountPropagation is None or not specified",
            ],
        ),
        (
            {"readOnly": True, "recursiveReadOnly": "Yes"},
            ['Unsupported value: "Yes": supported values: "Disabled", "Enabled", "IfPossible"'],
        ),
        (
            {"mountPropagation": "Bidirectional"},
            [
                "Forbidden: Bidirectional mount propagation is available only to privileged"
                " containers"
            ],
        ),
    ],
)
def test_wishes_of_mounts(mount: dict[str, Any], refusals: list[str]) -> None:
    mounts = [{"name": "data", "mountPath": "/data", **mount}]
    containers = [{"name": "web", "image": "nginx", "volumeMounts": mounts}]
    pod = pod_of({"containers": containers, "volumes": [{"name": "data", "emptyDir": {}}]})
    assert [message for _, message in causes_of(pod)] == refusals


def test_a_source_of_a_foreign_driver_is_kept() -> None:
    volume = {"name": "data", "iscsi": {"targetPortal": "192.0.2.1", "iqn": "iqn.x", "lun": 0}}
    pod = with_spec(volumes=[volume])
    assert causes_of(pod) == []
    assert msgspec.to_builtins(pod.spec.volumes) == [volume]
