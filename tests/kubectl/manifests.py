"""What the tests feed to kubectl."""

from typing import Any

from kernel.objects.kind import Column, Kind
from kernel.objects.struct import Struct

POD = """
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web, tier: front}
spec:
  containers:
  - name: server
    image: busybox
    ports:
    - {containerPort: 80, hostPort: 8080}
"""

POD_WITH_INIT = """
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  nodeName: node1
  initContainers:
  - {name: war, image: busybox, command: [cp, /a, /b]}
  containers:
  - {name: server, image: busybox}
  - {name: proxy, image: busybox}
"""


class WebsiteSpec(Struct):
    """What a site shows."""

    url: str
    """Where the site is, as a browser shows it."""


def website() -> type[Kind]:
    """A plugin's kind, a new class each time: a class belongs to one kernel's table."""

    class Website(
        Kind,
        group="example.dev",
        version="v1",
        short_names=("ws",),
        columns=[Column("Url", "spec.url")],
    ):
        """A site."""

        spec: WebsiteSpec
        status: dict[str, Any] = {}

    return Website
