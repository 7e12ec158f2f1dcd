"""The answer to GET /metrics: figures of requests, limits, the log, the process, and what else the
kernel brings."""

import os
import resource
from collections.abc import Callable, Iterable
from pathlib import Path

from aiohttp import web

from kernel.api.object_api import ObjectApi
from kernel.apiserver.limits.flow_control import FlowControl
from kernel.apiserver.monitoring.requests import RequestFigures
from kernel.apiserver.monitoring.text import CONTENT_TYPE, Family, Sample, text_of
from kernel.apiserver.version import version_info

MoreFigures = Callable[[], Iterable[Family]]


class Exposition:
    """Reads all figures when it is asked, and costs nothing otherwise."""

    def __init__(
        self, api: ObjectApi, requests: RequestFigures, flow: FlowControl, more: MoreFigures
    ):
        self._api = api
        self._requests = requests
        self._flow = flow
        self._more = more

    def answer(self) -> web.Response:
        """The figures as they are now."""
        families = [
            *self._requests.families(),
            *_limits(self._flow),
            *_log(self._api),
            *self._more(),
            *_process(),
        ]
        return web.Response(text=text_of(families), headers={"Content-Type": CONTENT_TYPE})


def _limits(flow: FlowControl) -> Iterable[Family]:
    yield Family(
        "apiserver_flowcontrol_current_executing_seats",
        "gauge",
        "Seats taken by requests that are being served.",
        [Sample(flow.executing)],
    )
    yield Family(
        "apiserver_flowcontrol_current_inqueue_requests",
        "gauge",
        "Requests that wait for a seat.",
        [Sample(flow.waiting)],
    )
    yield Family(
        "apiserver_flowcontrol_rejected_requests_total",
        "counter",
        "Requests refused with 429.",
        [Sample(flow.refused)],
    )


def _log(api: ObjectApi) -> Iterable[Family]:
    yield Family("podkernel_log_revision", "gauge", "The newest revision.", [Sample(api.revision)])
    yield Family(
        "apiserver_storage_size_bytes",
        "gauge",
        "Bytes of the event log on disk.",
        [Sample(api.size_bytes, {"storage_cluster_id": "podkernel"})],
    )
    version = version_info()
    labels = {"git_version": version.git_version, "major": version.major}
    yield Family("kubernetes_build_info", "gauge", "Which version this is.", [Sample(1, labels)])


def _process() -> Iterable[Family]:
    """What client libraries of Prometheus tell of every process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    yield Family(
        "process_cpu_seconds_total",
        "counter",
        "CPU time used by this process, in user and kernel mode.",
        [Sample(used.ru_utime + used.ru_stime)],
    )
    yield Family(
        "process_resident_memory_bytes",
        "gauge",
        "Resident memory, the mapped pages of the log among it.",
        [Sample(pages * resource.getpagesize())],
    )
    yield Family(
        "process_open_fds",
        "gauge",
        "Open files and sockets.",
        [Sample(len(os.listdir("/proc/self/fd")))],
    )
