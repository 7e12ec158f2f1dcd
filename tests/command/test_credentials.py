"""Credentials stand in the files that are made for them, and nowhere else."""

import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .harness import Place

OWN_FILES = {"token", "kubeconfig", "ca.key", "server.key", "sa.key"}
MAPS = "/api/v1/namespaces/default/configmaps"
ACCOUNT = "/api/v1/namespaces/default/serviceaccounts/default"
REVIEW = "authentication.k8s.io/v1"


def _secret_lines(here: Place) -> dict[str, bytes]:
    """What must be nowhere: the token, and a line out of the middle of each key."""
    lines = {"token": (here.data / "token").read_bytes().strip()}
    for path in (here.data / "pki").glob("*.key"):
        lines[path.name] = path.read_bytes().splitlines()[1]
    return lines


def _bytes_of_commands() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue


def test_no_credential_is_in_the_log_an_answer_the_output_or_a_command(here: Place) -> None:
    server = here.start("--runtime", "simulated")
    token = (here.data / "token").read_text().strip()
    answers = []
    with server.connected() as connection:
        asked = {"apiVersion": REVIEW, "kind": "TokenRequest"}
        issued = connection.request("POST", f"{ACCOUNT}/token", asked)["status"]["token"]
        named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
        answers.append(connection.request("POST", MAPS, named))
        for wrong in (token[:-1], issued, f"{issued}x"):
            shown = f"Bearer {wrong}"
            answers.append(connection.refused("GET", "/api/v1/nodes", Authorization=shown))
            answers.append(connection.refused("POST", MAPS, {"token": wrong}, Authorization=shown))
        review = {"apiVersion": REVIEW, "kind": "TokenReview", "spec": {"token": f"{issued}x"}}
        answers.append(connection.request("POST", f"/apis/{REVIEW}/tokenreviews", review)["status"])
        secrets = _secret_lines(here) | {"issued": issued.encode()}
        commands = list(_bytes_of_commands())
    assert {answer["code"] for answer in answers if "code" in answer} == {401, 403}
    assert server.stop() == 0
    places = {
        "answers": msgspec.json.encode(answers),
        "commands": b"\n".join(commands),
        "output": server.output.encode(),
        "complaints": server.complaints.encode(),
        "log": here.run("log", "--json", "--data-dir", here.data).stdout.encode(),
    }
    for path in here.data.rglob("*"):
        if path.is_file() and path.name not in OWN_FILES:
            places[str(path)] = path.read_bytes()
    assert any(path.endswith(".mdb") for path in places)
    for name, line in secrets.items():
        assert [place for place, content in places.items() if line in content] == [], name
    for path in (here.data / "pki").glob("*.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
