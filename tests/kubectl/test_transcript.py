"""What kubectl prints, word by word: the commands of transcript.txt in their order.

Each line that begins with `$ ` is a command, what follows is what it printed, with ages, ids and
the like masked. `PODKERNEL_REWRITE=1` writes what is printed now into the file, to be read before
it is committed.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..command.harness import Place, place
from .conftest import BINARIES

pytestmark = pytest.mark.kubectl

TRANSCRIPT = Path(__file__).with_name("transcript.txt")
VERSION = "1.32"
COMMAND_SECONDS_MAX = 60
MASKS = (
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000", "TIME"),
    (r"https?://127\.0\.0\.1:\d+", "https://SERVER"),
    (r"\b\d+\.\d+\.\d+\.\d+(?!\.)\b", "ADDRESS"),
    (r"(?<![\w.-])(<invalid>|(\d+(ms|[smhd]))+)(?![\w.-])", "AGE"),
    (r'((resourceVersion|RV): ?"?)\d+', r"\1REVISION"),
    (r"\b(node-debugger-node1-)\w{5}\b", r"\1SUFFIX"),
    (r"\b(kube-api-access-)\w{5}\b", r"\1SUFFIX"),
    (r"\+podkernel-[\w.]+", "+podkernel-VERSION"),
    (r"process://\w+", "process://ID"),
    (r"[ \t]+$", ""),
    (r"(?<=\S)  +", "  "),
)
WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web, tier: front}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: server
    image: busybox
    command: [sh, -c, "echo ready; echo on port 80; sleep 1000"]
    ports: [{containerPort: 80}]
"""
SHOP = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: c, image: "shop:1"}]}
"""


@pytest.fixture(scope="module")
def here() -> Iterator[Place]:
    """A server with a node, and the manifests that the commands name."""
    kubectl = _kubectl()
    if kubectl is None:
        pytest.skip(f"there is no kubectl {VERSION}, of which the transcript is")
    with place() as here:
        here.directory_of("bin").joinpath("kubectl").symlink_to(kubectl)
        here.write("web.yaml", WEB)
        here.write("web-back.yaml", WEB.replace("tier: front", "tier: back"))
        here.write("shop.yaml", SHOP)
        here.start("--node-name", "node1")
        yield here


def _kubectl() -> Path | None:
    """The kubectl of the transcript's version; others word some things in another way."""
    for binary in BINARIES:
        told = subprocess.run(
            [binary, "version", "--client"], capture_output=True, text=True, check=False
        )
        if f"Client Version: v{VERSION}." in told.stdout:
            return binary
    return None


def _commands() -> Iterator[tuple[str, str]]:
    """Each command with what it printed."""
    for block in re.split(r"^(?=\$ )", TRANSCRIPT.read_text(), flags=re.MULTILINE):
        if block.startswith("$ "):
            command, _, printed = block.partition("\n")
            yield command.removeprefix("$ "), printed.strip("\n")


def _masked(text: str) -> str:
    for pattern, mask in MASKS:
        text = re.sub(pattern, mask, text, flags=re.MULTILINE)
    return text.strip("\n")


def _print(here: Place, command: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        env=here.environment | {"PATH": f"{here.directory / 'bin'}:{os.environ['PATH']}"},
        cwd=here.directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )
    return _masked(done.stdout)


def test_kubectl_prints_what_it_printed(here: Place) -> None:
    printed = [(command, before, _print(here, command)) for command, before in _commands()]
    if os.environ.get("PODKERNEL_REWRITE"):
        blocks = (f"$ {command}\n{now}\n" for command, _, now in printed)
        TRANSCRIPT.write_text("\n".join(blocks))
    for command, before, now in printed:
        assert now == before, f"`{command}` prints something else"
