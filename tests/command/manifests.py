"""Pods for the tests. Their programs end at once when asked to, so that no test waits for that."""

# Ends with exit code 0 on SIGTERM, though it is the first process of its namespace.
PATIENT = "trap 'exit 0' TERM; sleep 1000 & wait"


def pod(name: str, script: str = PATIENT, *, more: str = "") -> str:
    """A Pod of one container `main` that runs a shell script; `more` are lines of its spec."""
    return f"""\
apiVersion: v1
kind: Pod
metadata:
  name: {name}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: busybox
    command: ["sh", "-c", {_quoted(script)}]
{_indented(more)}"""


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _indented(lines: str) -> str:
    return "".join(f"  {line}\n" for line in lines.strip("\n").splitlines())
