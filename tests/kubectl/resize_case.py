"""A Pod that is given other amounts of cpu and memory by kubectl, whatever the runtime."""

import json
from typing import Any

SMALL: dict[str, Any] = {
    "requests": {"cpu": "50m", "memory": "32Mi"},
    "limits": {"cpu": "200m", "memory": "64Mi"},
}
MEMORY_BYTES = 96 << 20
CHANGE = json.dumps(
    {
        "spec": {
            "containers": [
                {"name": "main", "resources": {"limits": {"cpu": "400m", "memory": "96Mi"}}}
            ]
        }
    }
)
COMMAND = ("patch", "pod", "resized", "--subresource", "resize", "--patch", CHANGE)

# The container's own cgroup may be the root of what it sees, or not; and of version 1 or 2.
READ_MEMORY_LIMIT = (
    "own=$(sed -n 's/^0:://p; s/^.*:memory://p' /proc/self/cgroup | head -n 1);"
    " for file in /sys/fs/cgroup$own/memory.max /sys/fs/cgroup/memory.max"
    " /sys/fs/cgroup/memory$own/memory.limit_in_bytes"
    " /sys/fs/cgroup/memory/memory.limit_in_bytes;"
    " do test -e $file && exec cat $file; done"
)


def has_been_resized(pod: Any) -> bool:
    """Whether the status says so: in place, and with nothing left to do."""
    (status,) = pod["status"]["containerStatuses"]
    conditions = {condition["type"] for condition in pod["status"]["conditions"]}
    return bool(
        status.get("resources", {}).get("limits") == {"cpu": "400m", "memory": "96Mi"}
        and status["restartCount"] == 0
        and "PodResizeInProgress" not in conditions
    )
