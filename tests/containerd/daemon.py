"""A containerd of the tests' own: started, filled with images, and taken down with all it ran.

Each run takes a slot (a lock file), and everything it makes carries the slot's number: directory,
bridge, subnet. What an interrupted run left in a slot is removed by the next that takes it.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import grpc

from kernel.cri.proto import runtime_pb2 as cri
from tests.containerd.bare_cri import BareCri
from tests.containerd.images import (
    BUSYBOX_IMAGE,
    BUSYBOX_PATH,
    KUBIA_IMAGE,
    LIVENESS_IMAGE,
    NGINX_IMAGE,
    OTHER_NAMES,
    PAUSE_IMAGE,
    TOMCAT_IMAGE,
    WAR_IMAGE,
    image_archive,
)
from tests.containerd.network import PodNetwork, cni_plugin_directory

_SLOTS = range(16)
_START_SECONDS_MAX = 60
_STOP_SECONDS_MAX = 20
_NEEDED_PROGRAMS = ("containerd", "ctr", "runc", "iptables", "iptables-save", "ip", "gcc")

_CONFIGURATION = """\
version = 2
root = "{directory}/root"
state = "{directory}/state"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
]

[grpc]
address = "{socket_path}"

[plugins."io.containerd.internal.v1.opt"]
path = "{directory}/opt"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause_image}"
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"

[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{directory}/registries"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{cni_plugins}"
conf_dir = "{directory}/cni"

[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "{snapshotter}"
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "{directory}/runc"
"""


def missing_for_containerd() -> str:
    """Why this machine can't run a containerd for tests; empty where it can."""
    if os.geteuid() != 0:
        return "containerd needs root"
    missing = [program for program in _NEEDED_PROGRAMS if shutil.which(program) is None]
    if cni_plugin_directory() is None:
        missing.append("CNI plugins")
    if not BUSYBOX_PATH.exists():
        missing.append("busybox-static")
    if missing:
        return f"not installed: {', '.join(missing)} (tests/containerd/install_system_packages.sh)"
    return ""


class Containerd:
    """A containerd under a directory of its own, with the images of `images.py`."""

    def __init__(self, slot: int) -> None:
        self.directory = Path(tempfile.gettempdir()) / f"podkernel-containerd-{slot}"
        self.socket_path = str(self.directory / "containerd.sock")
        self.network = PodNetwork(slot)
        self._configuration_path = self.directory / "config.toml"
        self._process: subprocess.Popen[bytes] | None = None

    def ctr(self, *arguments: str) -> str:
        """What `ctr`, in the CRI plugin's namespace, prints."""
        command = ["ctr", "--address", self.socket_path, "--namespace", "k8s.io", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def prepare(self) -> None:
        """Write the configuration, start, import the images."""
        self.directory.mkdir(mode=0o700)
        self.network.write_configuration(self.directory / "cni", self.directory / "addresses")
        self._configuration_path.write_text(
            _CONFIGURATION.format(
                directory=self.directory,
                socket_path=self.socket_path,
                pause_image=PAUSE_IMAGE,
                cni_plugins=cni_plugin_directory(),
                snapshotter=_snapshotter(self.directory),
            )
        )
        self.start()
        self.ctr("images", "import", str(image_archive()))
        _wait_until(self._has_images, _START_SECONDS_MAX, "CRI does not show the images")

    def start(self) -> None:
        """Start the daemon on what is there, and wait until its CRI plugin answers."""
        with (self.directory / "containerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["containerd", "--config", str(self._configuration_path)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _wait_until(self._answers, _START_SECONDS_MAX, "containerd does not answer")

    def stop(self) -> None:
        """End the daemon alone: containers and their shims go on, as in an upgrade."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @contextmanager
    def mirroring(self, address: str, *registries: str) -> Iterator[None]:
        """Have the registry at `address` (HTTP) asked in place of others, such as docker.io: for
        the time of the context, also where an outer one names another registry."""
        before: dict[Path, str | None] = {}
        for registry in registries:
            file = self.directory / "registries" / registry / "hosts.toml"
            before[file] = file.read_text() if file.exists() else None
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'[host."http://{address}"]\ncapabilities = ["pull", "resolve"]\n')
        yield
        for file, text in before.items():
            if text is None:
                shutil.rmtree(file.parent)
            else:
                file.write_text(text)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """The daemon takes connections and does nothing, for the time of the context."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def remove_sandboxes(self) -> None:
        """Stop and remove every sandbox, with its containers, network and host ports."""
        with BareCri(self.socket_path) as bare:
            listed = bare.call(cri.ListPodSandboxRequest(), cri.ListPodSandboxResponse)
            for sandbox in listed.items:
                stop = cri.StopPodSandboxRequest(pod_sandbox_id=sandbox.id)
                bare.call(stop, cri.StopPodSandboxResponse)
                remove = cri.RemovePodSandboxRequest(pod_sandbox_id=sandbox.id)
                bare.call(remove, cri.RemovePodSandboxResponse)

    def scrub(self, *, alone: bool) -> None:
        """Remove whatever is left: processes, mounts, network, files. `alone` says that no other
        test run is going on."""
        self.stop()
        self._end_daemon_of_interrupted_run()
        for pid in _pids_with_argument(self.socket_path):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # Each shim's bundle names its socket, which lies outside of our directory.
        for address in self.directory.glob("state/io.containerd.runtime.v2.task/k8s.io/*/address"):
            Path(address.read_text().removeprefix("unix://")).unlink(missing_ok=True)
        runc_root = self.directory / "runc" / "k8s.io"
        for container in runc_root.glob("*"):
            command = ["runc", "--root", str(runc_root), "delete", "--force", container.name]
            subprocess.run(command, check=False, capture_output=True)
        for mount_point in reversed(_mount_points_under(self.directory)):
            subprocess.run(["umount", "--lazy", mount_point], check=False, capture_output=True)
        self.network.remove(host_ports_unused=alone)
        if alone:
            _remove_empty_control_groups()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _end_daemon_of_interrupted_run(self) -> None:
        for pid in _pids_with_argument(str(self._configuration_path)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            log = (self.directory / "containerd.log").read_text(errors="replace")
            raise RuntimeError(f"containerd ended at once: {log[-2000:]}")
        try:
            with BareCri(self.socket_path) as bare:
                status = bare.call(cri.StatusRequest(), cri.StatusResponse)
        except grpc.RpcError:
            return False
        return all(condition.status for condition in status.status.conditions)

    def _has_images(self) -> bool:
        with BareCri(self.socket_path) as bare:
            listed = bare.call(cri.ListImagesRequest(), cri.ListImagesResponse)
        tags = {tag for image in listed.images for tag in image.repo_tags}
        return tags >= {
            *(PAUSE_IMAGE, BUSYBOX_IMAGE, WAR_IMAGE, TOMCAT_IMAGE),
            *(NGINX_IMAGE, KUBIA_IMAGE, LIVENESS_IMAGE, *OTHER_NAMES),
        }


@contextmanager
def running_containerd() -> Iterator[Containerd]:
    """A containerd in a free slot, for as long as the context lasts; then nothing of it is left.

    Call it only where `missing_for_containerd` is empty.
    """
    with _free_slot() as slot:
        daemon = Containerd(slot)
        daemon.scrub(alone=_is_alone(slot))
        try:
            daemon.prepare()
            yield daemon
            daemon.remove_sandboxes()
        finally:
            daemon.scrub(alone=_is_alone(slot))


@contextmanager
def _free_slot() -> Iterator[int]:
    for slot in _SLOTS:
        with _locked(slot) as locked:
            if locked:
                yield slot
                return
    raise RuntimeError(f"{len(_SLOTS)} test runs have a containerd already")


@contextmanager
def _locked(slot: int) -> Iterator[bool]:
    """Whether the slot's lock could be taken, which ends with the context or the process."""
    with _lock_path(slot).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _lock_path(slot: int) -> Path:
    return Path(tempfile.gettempdir()) / f"podkernel-containerd-{slot}.lock"


def _is_alone(slot: int) -> bool:
    """Whether no other slot is taken."""
    with ExitStack() as stack:
        others = [other for other in _SLOTS if other != slot and _lock_path(other).exists()]
        return all(stack.enter_context(_locked(other)) for other in others)


def _snapshotter(directory: Path) -> str:
    """overlayfs does not stand on another overlay, as in a container."""
    file_system = subprocess.run(
        ["stat", "--file-system", "--format=%T", str(directory)],
        check=True,
        capture_output=True,
        text=True,
    )
    return "native" if file_system.stdout.strip() == "overlayfs" else "overlayfs"


def _pids_with_argument(argument: str) -> list[int]:
    """The processes that were started with exactly this argument."""
    pids = []
    for command_line in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if argument.encode() in command_line.read_bytes().split(b"\0"):
                pids.append(int(command_line.parent.name))
    return pids


def _mount_points_under(directory: Path) -> list[str]:
    """The mount points below a directory, outer ones first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    mount_points = [line.split()[4] for line in lines]
    return [point for point in mount_points if point.startswith(f"{directory}/")]


def _remove_empty_control_groups() -> None:
    """containerd keeps the group that its Pods' groups were in."""
    for group in (*Path("/sys/fs/cgroup").glob("*/k8s.io"), Path("/sys/fs/cgroup/k8s.io")):
        with suppress(OSError):
            group.rmdir()


def _wait_until(condition: Callable[[], bool], seconds_max: float, failure: str) -> None:
    """Look until the condition holds. Raises `TimeoutError` with `failure`."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(failure)
        time.sleep(0.02)
