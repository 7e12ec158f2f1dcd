"""A sidecar that collects log files: injected into every Pod labelled `collect-logs=true`.

The application writes files to /var/log; the sidecar shares that directory and forwards each line
to a sink. Neither the application nor its image knows of it.

    podkernel dev --plugin plugins/log_collector.py docs/examples/collected.yaml

The sink is chosen by an annotation of the Pod, `log-collector.podkernel.dev/sink`:

| value | lines go to |
| --- | --- |
| (none) | the sidecar's own output: `kubectl logs NAME -c log-collector` |
| `file:///srv/collected/app.log` | the end of that file of the node |
| `tcp://collector:5170` | that address, a line each (needs `nc` in the image) |
"""

from pathlib import PurePosixPath
from urllib.parse import urlsplit

from kernel import (
    AdmissionDenied,
    AdmissionRequest,
    Container,
    EmptyDirVolumeSource,
    HostPathVolumeSource,
    Pod,
    Volume,
    VolumeMount,
    admission,
)

LABEL = "collect-logs"
SINK_ANNOTATION = "log-collector.podkernel.dev/sink"
SIDECAR = "log-collector"
LOG_DIRECTORY = "/var/log"
LOG_VOLUME = "collected-logs"
SINK_DIRECTORY = "/sink"
SINK_VOLUME = "collected-sink"

# Each *.log file is followed from its first line as soon as it appears. The loop runs in the
# background, so that the shell can act on SIGTERM at once.
COLLECT = """
trap 'exit 0' TERM
(
  seen=""
  while true; do
    for file in {directory}/*.log; do
      [ -f "$file" ] || continue
      case "$seen" in *" $file "*) continue ;; esac
      seen="$seen $file "
      tail -n +1 -F "$file" 2>/dev/null &
    done
    sleep 1
  done
) | {sink} &
wait
"""


@admission(Pod)
async def inject_log_collector(request: AdmissionRequest) -> None:
    """Add the sidecar and the shared directory to a new Pod that asks for it."""
    pod: Pod = request.object
    if pod.metadata.labels.get(LABEL) != "true":
        return
    if any(container.name == SIDECAR for container in pod.spec.containers):
        return
    volume = _shared_log_volume(pod)
    for container in pod.spec.containers:
        if all(mount.mount_path != LOG_DIRECTORY for mount in container.volume_mounts):
            container.volume_mounts.append(VolumeMount(name=volume, mount_path=LOG_DIRECTORY))
    pod.spec.containers.append(_sidecar(pod, volume))


def _shared_log_volume(pod: Pod) -> str:
    """The volume that a container has at /var/log already, or a new empty one."""
    for container in pod.spec.containers:
        for mount in container.volume_mounts:
            if mount.mount_path == LOG_DIRECTORY:
                return mount.name
    pod.spec.volumes.append(Volume(name=LOG_VOLUME, empty_dir=EmptyDirVolumeSource()))
    return LOG_VOLUME


def _sidecar(pod: Pod, volume: str) -> Container:
    sink, mounts = _sink(pod)
    return Container(
        name=SIDECAR,
        image="busybox",
        command=["sh", "-c", COLLECT.format(directory=LOG_DIRECTORY, sink=sink)],
        volume_mounts=[
            VolumeMount(name=volume, mount_path=LOG_DIRECTORY, read_only=True),
            *mounts,
        ],
    )


def _sink(pod: Pod) -> tuple[str, list[VolumeMount]]:
    """The shell command that takes the lines, and what it needs mounted."""
    wanted = pod.metadata.annotations.get(SINK_ANNOTATION, "")
    if not wanted:
        return "cat", []
    try:
        address = urlsplit(wanted)
        host, port = address.hostname, address.port
    except ValueError as error:
        raise AdmissionDenied(f"{SINK_ANNOTATION}: {error}") from error
    path = PurePosixPath(address.path)
    if address.scheme == "file" and path.is_absolute() and path.name:
        directory = HostPathVolumeSource(path=str(path.parent), type="DirectoryOrCreate")
        pod.spec.volumes.append(Volume(name=SINK_VOLUME, host_path=directory))
        mount = VolumeMount(name=SINK_VOLUME, mount_path=SINK_DIRECTORY)
        return f"cat >> '{SINK_DIRECTORY}/{_plain(path.name)}'", [mount]
    if address.scheme == "tcp" and host and port:
        return f"nc '{_plain(host)}' {port}", []
    raise AdmissionDenied(
        f'{SINK_ANNOTATION}: expected file:///PATH or tcp://HOST:PORT, got "{wanted}"'
    )


def _plain(text: str) -> str:
    """Refuse what the shell would not take as one word between single quotes."""
    if "'" in text:
        raise AdmissionDenied(f"{SINK_ANNOTATION}: a quote is not allowed in it")
    return text
