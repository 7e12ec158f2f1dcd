"""Volumes of real containers: what they show, how they follow their objects, and how they end."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import StartKernel
from .harness import (
    Observer,
    PodJson,
    PodKernel,
    container_id,
    is_ready,
    phase,
    restarts,
    wait_until,
)
from .manifests import container, pod

pytestmark = [pytest.mark.containerd, pytest.mark.kubectl]

FOLLOW_SECONDS_MAX = 1.0
SERVER_XML = '<Server port="8005" shutdown="SHUTDOWN">\n</Server>\n'


def _mount(name: str, path: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "mountPath": path, **more}


class Inside:
    """The file system of a running container."""

    def __init__(self, observer: Observer, found: PodJson, name: str = "main") -> None:
        process_id = observer.process_id(container_id(found, name))
        self._enter = ["nsenter", "-t", str(process_id), "-m", "-r", "-w", "sh", "-c"]

    def run(self, script: str) -> str:
        """What a script prints; it may fail."""
        done = subprocess.run([*self._enter, script], capture_output=True, text=True, check=False)
        return done.stdout

    def wait_for(self, path: str, text: str) -> float:
        """The seconds that it takes until a file has this content."""
        began = time.monotonic()
        wait_until(lambda: self.run(f"cat {path}") == text, f"{path} is {self.run(f'cat {path}')}")
        return time.monotonic() - began


def _run(kernel: PodKernel, manifest: str) -> PodJson:
    kernel.apply(manifest)
    name = json.loads(manifest)["metadata"]["name"]
    return kernel.pod_when(name, is_ready)


@pytest.fixture
def kernel(shared_kernel: PodKernel, tmp_path: Path) -> Iterator[PodKernel]:
    """A kernel that has none of the test's objects afterwards."""
    yield shared_kernel
    shared_kernel.kubectl("delete", "pod", "--all", "--wait")
    shared_kernel.kubectl("delete", "configmap", "-l", "of=volumes")
    shared_kernel.kubectl("delete", "secret", "-l", "of=volumes")


def _config_map(kernel: PodKernel, name: str, data: dict[str, str]) -> None:
    metadata = {"name": name, "labels": {"of": "volumes"}}
    kernel.apply(
        json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    )


def test_files_follow_what_they_are_made_of(kernel: PodKernel, observer: Observer) -> None:
    _config_map(kernel, "followed", {"colour": "blue", "size": "9"})
    facts = {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}
    found = _run(
        kernel,
        pod(
            "following",
            container(
                volumeMounts=[
                    _mount("settings", "/settings"),
                    _mount("settings", "/colour", subPath="colour"),
                    _mount("facts", "/facts"),
                ]
            ),
            volumes=[
                {"name": "settings", "configMap": {"name": "followed"}},
                {"name": "facts", "downwardAPI": facts},
            ],
            metadata={"labels": {"rack": "21"}},
        ),
    )
    inside = Inside(observer, found)
    assert inside.run("cat /settings/colour /settings/size /colour /facts/labels") == (
        'blue9bluerack="21"'
    )
    assert inside.run("readlink /settings/colour") == "..data/colour\n"
    refusals = inside.run("touch /settings/new /colour /facts/new 2>&1; :")
    assert refusals.count("Read-only file system") == 3
    _config_map(kernel, "followed", {"colour": "red"})
    assert inside.wait_for("/settings/colour", "red") < FOLLOW_SECONDS_MAX
    kernel.kubectl("label", "pod", "following", "rack=22", "--overwrite")
    assert inside.wait_for("/facts/labels", 'rack="22"') < FOLLOW_SECONDS_MAX
    assert inside.run("ls /settings; cat /colour") == "colour\nblue"
    assert restarts(kernel.pod("following")) == 0


def test_restarted_on_change_where_that_is_asked_for(kernel: PodKernel) -> None:
    _config_map(kernel, "watched", {"colour": "blue"})
    kernel.apply(
        pod(
            "restarting",
            container(
                "echo $colour; trap 'exit 0' TERM; while :; do sleep 1 & wait; done",
                envFrom=[{"configMapRef": {"name": "watched"}}],
            ),
            metadata={"annotations": {"podkernel.dev/restart-on-change": "true"}},
        )
    )
    kernel.pod_when("restarting", is_ready)
    _config_map(kernel, "watched", {"colour": "red"})
    kernel.pod_when("restarting", lambda pod: restarts(pod) == 1 and is_ready(pod))
    wait_until(lambda: kernel.kubectl("logs", "restarting") == "red\n", "not started with red")
    assert kernel.wait_for_event("restarting", "Killing") == (
        "ConfigMap watched changed, container main will be restarted"
    )


def test_files_from_files_as_in_the_notes(
    kernel: PodKernel, observer: Observer, tmp_path: Path
) -> None:
    for name, text in (
        ("username.txt", "admin\n"),
        ("password.txt", "c1oudc0w!\n"),
        ("ui.properties", "color.good=purple\n"),
        ("server.xml", SERVER_XML),
    ):
        (tmp_path / name).write_text(text)
    of_file = {"user-of-notes": "username.txt", "pass-of-notes": "password.txt"}
    for name, file in of_file.items():
        kernel.kubectl("create", "secret", "generic", name, f"--from-file={tmp_path / file}")
        kernel.kubectl("label", "secret", name, "of=volumes")
    for name, file in (("ui-config", "ui.properties"), ("tomcat-server-config", "server.xml")):
        kernel.kubectl("create", "configmap", name, f"--from-file={tmp_path / file}")
        kernel.kubectl("label", "configmap", name, "of=volumes")
    server_xml = [{"key": "server.xml", "path": "server.xml"}]
    found = _run(
        kernel,
        pod(
            "projected-volume",
            container(
                volumeMounts=[
                    _mount("mysql-cred", "/projected-volume", readOnly=True),
                    _mount("ui", "/ui"),
                    _mount("serverxml", "/tmp/server.xml", subPath="server.xml"),
                    _mount("serverxml", "/conf"),
                ]
            ),
            volumes=[
                {
                    "name": "mysql-cred",
                    "projected": {"sources": [{"secret": {"name": name}} for name in of_file]},
                },
                {"name": "ui", "configMap": {"name": "ui-config"}},
                {
                    "name": "serverxml",
                    "configMap": {"name": "tomcat-server-config", "items": server_xml},
                },
            ],
        ),
    )
    inside = Inside(observer, found)
    assert inside.run("cat /projected-volume/*.txt") == "c1oudc0w!\nadmin\n"
    assert inside.run("cat /ui/ui.properties") == "color.good=purple\n"
    assert inside.run("cat /tmp/server.xml") == SERVER_XML
    assert inside.run("cat /conf/server.xml") == SERVER_XML
    assert inside.run("touch /projected-volume/x || echo kept") == "kept\n"


def test_memory_is_limited_survives_podkernel_and_leaves_nothing(
    start_kernel: StartKernel, observer: Observer
) -> None:
    kernel = start_kernel()
    scratch = {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}
    found = _run(
        kernel,
        pod(
            "memory",
            container(
                volumeMounts=[_mount("scratch", "/scratch"), _mount("part", "/part", subPath="a")]
            ),
            volumes=[scratch, {"name": "part", "emptyDir": {}}],
            securityContext={"fsGroup": 2000},
        ),
    )
    inside = Inside(observer, found)
    assert inside.run("stat -f -c '%T %b %S' /scratch") == "tmpfs 256 4096\n"
    too_much = "dd if=/dev/zero of=/scratch/f bs=1k count=2000 2>/dev/null || echo full"
    assert inside.run(too_much) == "full\n"
    assert inside.run("stat -c '%a %g' /scratch /part") == "2777 2000\n2777 2000\n"
    kernel.kill()
    kernel.start()
    inside.run("echo kept > /scratch/f")
    kernel.pod_when("memory", is_ready)
    assert inside.run("cat /scratch/f") == "kept\n"
    uid = found["metadata"]["uid"]
    kernel.kubectl("delete", "pod", "memory")
    assert observer.traces(uid, kernel.data_directory) == []


def test_too_much_on_disk_is_evicted(kernel: PodKernel) -> None:
    kernel.apply(
        pod(
            "greedy-on-disk",
            container(
                "dd if=/dev/zero of=/data/f bs=1M count=2; sleep 600",
                volumeMounts=[_mount("data", "/data")],
            ),
            volumes=[{"name": "data", "emptyDir": {"sizeLimit": "1Mi"}}],
        )
    )
    evicted = kernel.pod_when("greedy-on-disk", lambda pod: phase(pod) == "Failed")
    message = 'Usage of EmptyDir volume "data" exceeds the limit "1Mi". '
    assert (evicted["status"]["reason"], evicted["status"]["message"]) == ("Evicted", message)
    assert kernel.wait_for_event("greedy-on-disk", "Evicted") == message


def test_a_link_in_a_volume_leads_nowhere_else(
    kernel: PodKernel, observer: Observer, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("of the host")
    shared = {"name": "shared", "emptyDir": {}}
    linking = container(
        f"ln -s {tmp_path} /shared/link", "linking", volumeMounts=[_mount("shared", "/shared")]
    )
    reading = container(volumeMounts=[_mount("shared", "/host", subPath="link")])
    kernel.apply(pod("escaping", reading, initContainers=[linking], volumes=[shared]))
    said = kernel.wait_for_event("escaping", "Failed")
    assert said.startswith(
        'Error: failed to create subPath directory for volumeMount "shared" of container "main"'
    )
    assert not is_ready(kernel.pod("escaping"))


def test_mounts_travel_as_far_as_they_are_asked_to(
    kernel: PodKernel, observer: Observer, tmp_path: Path
) -> None:
    host = tmp_path / "host"
    host.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", host], check=True)
    try:
        subprocess.run(["mount", "--make-rshared", host], check=True)
        (host / "late").mkdir()
        (host / "back").mkdir()
        modes = {"private": "None", "slave": "HostToContainer", "both": "Bidirectional"}
        containers = [
            container(
                name=name,
                volumeMounts=[_mount("host", "/host", mountPropagation=mode)],
                securityContext={"privileged": name == "both"},
            )
            for name, mode in modes.items()
        ]
        source = {"path": str(host), "type": "Directory"}
        volumes = [{"name": "host", "hostPath": source}]
        found = _run(kernel, pod("travelling", *containers, volumes=volumes))
        private, slave, both = (Inside(observer, found, name) for name in modes)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", host / "late"], check=True)
        (host / "late" / "file").touch()
        seen = [one.run("ls /host/late") for one in (private, slave, both)]
        assert seen == ["", "file\n", "file\n"]
        both.run("mount -t tmpfs tmpfs /host/back && touch /host/back/file")
        assert (host / "back" / "file").exists()
        assert [one.run("ls /host/back") for one in (private, slave)] == ["", "file\n"]
    finally:
        subprocess.run(["umount", "--recursive", host], check=True)


def test_what_is_not_offered_is_said(kernel: PodKernel) -> None:
    volumes: dict[str, dict[str, Any]] = {
        "claim": {"persistentVolumeClaim": {"claimName": "data"}},
        "share": {"nfs": {"server": "192.0.2.1", "path": "/"}},
        "target": {"iscsi": {"targetPortal": "192.0.2.1", "iqn": "iqn.x", "lun": 0}},
        "pages": {"emptyDir": {"medium": "HugePages"}},
    }
    for name, source in volumes.items():
        mounted = container(volumeMounts=[_mount(name, "/data")])
        kernel.apply(pod(name, mounted, volumes=[{"name": name, **source}]))
    for name, source in volumes.items():
        (kind,) = source
        what = 'emptyDir medium "HugePages"' if name == "pages" else f"volume type {kind}"
        assert kernel.wait_for_event(name, "FailedMount") == (
            f'MountVolume.SetUp failed for volume "{name}" : {what} is not supported by podkernel'
        )
        assert phase(kernel.pod(name)) == "Pending"
