"""What a Pod is configured with is there in its containers."""

import json
from pathlib import Path
from typing import Any

import pytest

from .harness import Observer, PodKernel, container_id, is_ready, phase, waiting_reason
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]


@pytest.fixture(scope="module")
def kernel(shared_kernel: PodKernel) -> PodKernel:
    """A kernel with a ConfigMap and Secrets made as in the study notes."""
    literals = ["--from-literal=loglevel=info", "--from-literal=appdatadir=/var/data"]
    shared_kernel.kubectl("create", "configmap", "settings", *literals)
    shared_kernel.kubectl(
        "create", "secret", "generic", "user", "--from-literal=username.txt=admin"
    )
    shared_kernel.kubectl(
        "create", "secret", "generic", "pass", "--from-literal=password.txt=c1oud"
    )
    return shared_kernel


def _printed(kernel: PodKernel, name: str, script: str, **spec: Any) -> list[str]:
    """The lines that a script prints in a Pod of one container; `spec` may carry its fields."""
    of_container = {key: spec.pop(key) for key in ("env", "envFrom", "volumeMounts") if key in spec}
    kernel.apply(pod(name, container(script, **of_container), restartPolicy="Never", **spec))
    ended = kernel.pod_when(name, lambda pod: phase(pod) in ("Succeeded", "Failed"))
    printed = kernel.kubectl("logs", name)
    assert phase(ended) == "Succeeded", printed
    return printed.splitlines()


def test_environment(kernel: PodKernel) -> None:
    env = [
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "ADDRESS", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {
            "name": "LEVEL",
            "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "loglevel"}},
        },
        {"name": "WHO", "valueFrom": {"secretKeyRef": {"name": "user", "key": "username.txt"}}},
        {"name": "BOTH", "value": "$(NAME) on $(NODE)"},
    ]
    printed = _printed(
        kernel,
        "environment",
        "echo $NAME $NODE $LEVEL $WHO; echo $BOTH; echo $appdatadir; echo $ADDRESS; hostname -i",
        env=env,
        envFrom=[{"configMapRef": {"name": "settings"}}],
    )
    assert printed[:3] == ["environment node1 info admin", "environment on node1", "/var/data"]
    assert printed[3] == printed[4]
    assert printed[3] == kernel.pod("environment")["status"].get("podIP", printed[3])


def test_every_key_of_a_config_map_as_in_the_notes(kernel: PodKernel) -> None:
    data = {"keyinfo": "www.abcdocker.com", "abcdockerDir": "/var/data", "1st": "x", "2nd": "y"}
    literals = [f"--from-literal={key}={value}" for key, value in data.items()]
    kernel.kubectl("create", "configmap", "abcdocker-configmap", *literals)
    of_service = ["--clusterip=10.96.0.77", "--tcp=5432:5432"]
    kernel.kubectl("create", "service", "clusterip", "my-db", *of_service)
    keys = {"configmapPod": "keyinfo", "configmapDir": "abcdockerDir"}
    printed = _printed(
        kernel,
        "abcdocker-pod",
        "env | sort",
        env=[
            {
                "name": name,
                "valueFrom": {"configMapKeyRef": {"name": "abcdocker-configmap", "key": key}},
            }
            for name, key in keys.items()
        ],
        envFrom=[{"configMapRef": {"name": "abcdocker-configmap"}}],
    )
    assert [line for line in printed if "config" in line] == [
        *("configmapDir=/var/data", "configmapPod=www.abcdocker.com"),
    ]
    assert "keyinfo=www.abcdocker.com" in printed
    assert not any(line.startswith(("1st", "2nd")) for line in printed)
    assert kernel.wait_for_event("abcdocker-pod", "InvalidEnvironmentVariableNames") == (
        "Keys [1st, 2nd] from the EnvFrom configMap default/abcdocker-configmap were skipped"
        " since they are considered invalid environment variable names."
    )
    assert {"KUBERNETES_SERVICE_HOST=10.96.0.1", "KUBERNETES_SERVICE_PORT=443"} < set(printed)
    assert {"MY_DB_SERVICE_HOST=10.96.0.77", "MY_DB_PORT=tcp://10.96.0.77:5432"} < set(printed)
    kernel.kubectl("delete", "service", "my-db")


def test_projected_secrets_as_in_the_notes(kernel: PodKernel) -> None:
    sources = [{"secret": {"name": "user"}}, {"secret": {"name": "pass"}}]
    printed = _printed(
        kernel,
        "projected-volume",
        "ls /projected-volume; cat /projected-volume/username.txt; echo;"
        " touch /projected-volume/x 2> /dev/null || echo kept",
        volumeMounts=[{"name": "mysql-cred", "mountPath": "/projected-volume", "readOnly": True}],
        volumes=[{"name": "mysql-cred", "projected": {"sources": sources}}],
    )
    assert printed == ["password.txt", "username.txt", "admin", "kept"]


def test_the_pod_s_own_fields_as_files(kernel: PodKernel) -> None:
    items = [
        {"path": name, "fieldRef": {"fieldPath": f"metadata.{name}"}}
        for name in ("labels", "annotations")
    ]
    printed = _printed(
        kernel,
        "kubernetes-downwardapi-volume-example",
        "cat /etc/podinfo/labels; echo; grep -v last-applied /etc/podinfo/annotations",
        metadata={
            "labels": {"zone": "us-est-coast", "rack": "rack-22"},
            "annotations": {"build": "two", "builder": "john-doe"},
        },
        volumeMounts=[{"name": "podinfo", "mountPath": "/etc/podinfo"}],
        volumes=[{"name": "podinfo", "downwardAPI": {"items": items}}],
    )
    assert printed[:2] == ['rack="rack-22"', 'zone="us-est-coast"']
    assert printed[2:4] == ['build="two"', 'builder="john-doe"']


def test_config_maps_and_secrets_as_files(kernel: PodKernel) -> None:
    items = [{"key": "loglevel", "path": "log/level"}]
    printed = _printed(
        kernel,
        "files",
        "cat /config/log/level; echo; ls /config; cat /secret/password.txt; echo;"
        " cat /one; echo; stat -c %a /secret/..data/password.txt",
        volumeMounts=[
            {"name": "config", "mountPath": "/config"},
            {"name": "secret", "mountPath": "/secret"},
            {"name": "config", "mountPath": "/one", "subPath": "log/level"},
        ],
        volumes=[
            {"name": "config", "configMap": {"name": "settings", "items": items}},
            {"name": "secret", "secret": {"secretName": "pass", "defaultMode": 0o400}},
        ],
    )
    assert printed == ["info", "log", "c1oud", "info", "400"]


def test_a_missing_config_map_is_waited_for(kernel: PodKernel) -> None:
    source = {"configMapRef": {"name": "late"}}
    kernel.apply(pod("early", container("echo $word; sleep 600", envFrom=[source])))
    kernel.pod_when("early", lambda pod: waiting_reason(pod) == "CreateContainerConfigError")
    said = kernel.wait_for_event("early", "Failed")
    assert said == 'Error: configmap "late" not found'
    kernel.kubectl("create", "configmap", "late", "--from-literal=word=arrived")
    kernel.pod_when("early", is_ready)
    assert kernel.kubectl("logs", "early") == "arrived\n"
    kernel.kubectl("delete", "pod", "early")


def test_a_missing_secret_for_a_volume_is_waited_for(kernel: PodKernel) -> None:
    mount = {"name": "late", "mountPath": "/late"}
    volumes = [{"name": "late", "secret": {"secretName": "late"}}]
    kernel.apply(pod("early-volume", container(volumeMounts=[mount]), volumes=volumes))
    said = kernel.wait_for_event("early-volume", "FailedMount")
    assert said == 'MountVolume.SetUp failed for volume "late" : secret "late" not found'
    assert waiting_reason(kernel.pod("early-volume")) == "ContainerCreating"
    kernel.kubectl("create", "secret", "generic", "late", "--from-literal=a=b")
    kernel.pod_when("early-volume", is_ready)
    kernel.kubectl("delete", "pod", "early-volume")


def test_names_of_hosts(kernel: PodKernel) -> None:
    printed = _printed(
        kernel,
        "named",
        "cat /etc/hosts; hostname",
        hostAliases=[{"ip": "10.1.2.3", "hostnames": ["foo.remote", "bar.remote"]}],
        hostname="shop",
    )
    assert ["10.1.2.3", "foo.remote", "bar.remote"] in [line.split() for line in printed]
    assert "shop" in [line.split()[-1] for line in printed if line.strip()][:-1]
    assert printed[-1] == "shop"


def test_processes_are_shared_as_in_the_notes(kernel: PodKernel) -> None:
    nginx = container("exec httpd -f -p 80", "nginx")
    shell = {
        "name": "shell",
        "image": "busybox",
        "imagePullPolicy": "IfNotPresent",
        "stdin": True,
        "tty": True,
    }
    kernel.apply(pod("nginx", nginx, shell, shareProcessNamespace=True))
    kernel.pod_when("nginx", is_ready)
    script = (
        "until pidof httpd > /dev/null; do sleep 0.1; done; "
        "tr '\\0' ' ' < /proc/1/cmdline; echo; ps -o comm; echo end; sleep 600"
    )
    looking = container(script)
    kernel.apply(pod("looking", looking, nginx, shareProcessNamespace=True))
    kernel.pod_when("looking", is_ready)
    with kernel.printing("logs", "-f", "looking", "-c", "main") as log:
        lines = log.cells_until("end")
    assert lines[0] == ["/pause"]
    assert ["httpd"] in lines  # of the other container
    assert kernel.kubectl("get", "pods", "nginx").splitlines()[1].split()[1] == "2/2"
    kernel.kubectl("delete", "pod", "nginx", "looking")


def test_limits_are_the_kernel_s(kernel: PodKernel, observer: Observer) -> None:
    resources = {
        "limits": {"memory": "32Mi", "cpu": "500m"},
        "requests": {"memory": "16Mi", "cpu": "250m"},
    }
    kernel.apply(pod("limited", container(resources=resources)))
    ready = kernel.pod_when("limited", is_ready)
    assert ready["status"]["qosClass"] == "Burstable"
    groups = Path("/proc", str(observer.process_id(container_id(ready))), "cgroup").read_text()
    assert _limit(groups, "memory", "memory.limit_in_bytes", "memory.max") == str(32 << 20)
    quota = _limit(groups, "cpu", "cpu.cfs_quota_us", "cpu.max").split()[0]
    assert quota == "50000"
    score = Path(
        "/proc", str(observer.process_id(container_id(ready))), "oom_score_adj"
    ).read_text()
    assert 2 <= int(score) <= 999
    kernel.kubectl("delete", "pod", "limited")


def _limit(groups: str, controller: str, first_version: str, second_version: str) -> str:
    """A limit of the control group that `/proc/PID/cgroup` names, in either version."""
    root = Path("/sys/fs/cgroup")
    for line in groups.splitlines():
        number, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            return (root / controllers / path.lstrip("/") / first_version).read_text().strip()
        if number == "0" and (root / path.lstrip("/") / second_version).exists():
            return (root / path.lstrip("/") / second_version).read_text().strip()
    raise AssertionError(f"no limit of {controller} in {groups}")


def test_too_much_memory_is_shown_as_the_reason(kernel: PodKernel) -> None:
    greedy = container("tail /dev/zero", resources={"limits": {"memory": "16Mi"}})
    kernel.apply(pod("greedy", greedy, restartPolicy="Never"))
    ended = kernel.pod_when("greedy", lambda pod: phase(pod) == "Failed")
    terminated = ended["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (terminated["reason"], terminated["exitCode"]) == ("OOMKilled", 137)
    assert "OOMKilled" in kernel.kubectl("get", "pods", "greedy")


def test_a_pod_that_no_node_has_the_labels_for_waits(kernel: PodKernel) -> None:
    kernel.apply(pod("choosy", container(), nodeSelector={"disktype": "ssd"}))
    said = kernel.wait_for_event("choosy", "FailedScheduling")
    assert said.startswith(
        "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."
    )
    waiting = kernel.pod("choosy")
    assert phase(waiting) == "Pending"
    (condition,) = waiting["status"]["conditions"]
    assert (condition["type"], condition["reason"]) == ("PodScheduled", "Unschedulable")
    kernel.kubectl("label", "node", "node1", "disktype=ssd")
    kernel.pod_when("choosy", is_ready)
    kernel.kubectl("delete", "pod", "choosy")
    kernel.kubectl("label", "node", "node1", "disktype-")


def test_lists_hold_what_was_made(kernel: PodKernel) -> None:
    node = json.loads(kernel.kubectl("get", "node", "node1", "-o", "json"))
    assert node["status"]["nodeInfo"]["containerRuntimeVersion"].startswith("containerd://")
