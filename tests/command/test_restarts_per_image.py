"""The example of a projection from a user's seat: a Pod that fails, seen in kubectl."""

import json

import yaml

from .harness import REPOSITORY, Kubectl, Place, eventually

PLUGIN = REPOSITORY / "plugins" / "restarts_per_image.py"


def test_restarts_are_counted_for_kubectl(here: Place, kubectl: Kubectl) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "fails"},
        "spec": {
            "containers": [{"name": "c", "image": "busybox", "command": ["sh", "-c", "exit 1"]}]
        },
    }
    server = here.start("--plugin", PLUGIN, here.write("fails.yaml", yaml.safe_dump(pod)))
    row = eventually(lambda: counted(kubectl), "a restart is counted")
    assert row[1] == "busybox", server.complaints
    shown = json.loads(kubectl("get", "--raw", "/plugins/restarts-per-image?image=busybox"))
    assert list(shown) == ["busybox"]
    assert sum(shown["busybox"].values()) >= 1
    server.stop()
    listed = here.run("projections", "--data-dir", here.data)
    assert "restarts-per-image" in listed.stdout


def counted(kubectl: Kubectl) -> list[str]:
    """The line of the only object, if it is there."""
    lines = kubectl("get", "imagerestarts", "--no-headers").splitlines()
    return lines[0].split() if lines and lines[0][0].isalpha() else []
