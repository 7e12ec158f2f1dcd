"""What a user gets wrong: one clear line for each, exit code not 0, and nothing left behind."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernel.store.store import StoreReader

from .harness import Place, place
from .manifests import pod


@pytest.fixture
def anywhere() -> Iterator[Place]:
    """A place of an ordinary user: what is refused there is refused to root as well."""
    with place(ordinary_user=True) as made:
        yield made


def dev(here: Place, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """`podkernel dev`, which is to give up by itself."""
    standard = ["--runtime", "process", "--listen", "127.0.0.1:0", "--data-dir", str(here.data)]
    return here.run("dev", *standard, *arguments)


def complaint(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that has failed, without the command's name."""
    assert done.returncode not in (0, None), done.stdout
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("podkernel: ")
    assert "Traceback" not in done.stderr
    return lines[0].removeprefix("podkernel: ")


FIELD = "    ports: [{containerPort: 80, %s}]\n"

MANIFESTS = {
    "bad YAML": ("kind: Pod\nmetadata: {name: a\nspec: x: y\n", ":3: invalid YAML"),
    "a tab": ("kind: Pod\n\tmetadata: {}\n", ":2: invalid YAML"),
    "an unknown kind": (
        pod("a").replace("kind: Pod", "kind: Pood"),
        ':2: kind: unknown kind "Pood" in version "v1", did you mean "Pod"?',
    ),
    "a kind of another version": (
        pod("a").replace("v1", "v2"),
        ':1: apiVersion: unknown kind "Pod" in version "v2", did you mean version "v1"?',
    ),
    "no kind": (pod("a").replace("kind: Pod\n", ""), ":1: kind: missing required field"),
    "an unknown field": (
        pod("a") + FIELD % "hostPost: 80",
        ':11: spec.containers[0].ports[0].hostPost: unknown field, did you mean "hostPort"?',
    ),
    "a wrong type": (
        pod("a") + FIELD % "hostPort: eighty",
        ':11: spec.containers[0].ports[0].hostPort: expected integer, got string "eighty"',
    ),
    "a missing field": (
        pod("a").replace("  - name: main\n    image", "  - image"),
        ":8: spec.containers[0].name: missing required field",
    ),
    "one name for two containers": (
        pod("a") + "  - {name: main, image: b}\n",
        ':11: spec.containers[1].name: Duplicate value: "main"',
    ),
    "a bad name": (pod("a_b"), ":4: metadata.name: Invalid value"),
    "a value out of range": (
        pod("a") + FIELD % "hostPort: 99999",
        ":11: spec.containers[0].ports[0].hostPort: Invalid value: 99999",
    ),
    "nothing": ("", ": there is no object in it"),
    "nothing but a comment": ("# soon\n---\n", ": there is no object in it"),
    "a list": ("[1, 2]", ":1: expected an object, got array"),
    "a word": ("hello", ":1: expected an object"),
    "an empty name": (pod("''"), ":4: metadata.name: Required value"),
}


@pytest.mark.parametrize("case", MANIFESTS)
def test_a_bad_manifest(anywhere: Place, case: str) -> None:
    content, words = MANIFESTS[case]
    path = anywhere.write("pod.yaml", content)
    assert complaint(dev(anywhere, path)).startswith(f"{path}{words}")
    assert not anywhere.data.exists()


def test_each_problem_of_a_manifest_has_its_line(anywhere: Place) -> None:
    path = anywhere.write("pod.yaml", pod("a") + "    foo: 1\n    bar: 2\n")
    done = dev(anywhere, path)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"podkernel: {path}:11: spec.containers[0].foo: unknown field",
        f"podkernel: {path}:12: spec.containers[0].bar: unknown field",
    ]


def test_a_bad_manifest_after_a_good_one(anywhere: Place) -> None:
    good = anywhere.write("good.yaml", pod("a"))
    bad = anywhere.write("bad.yaml", pod("b").replace("command", "comand"))
    assert 'did you mean "command"?' in complaint(dev(anywhere, good, bad))
    assert not anywhere.data.exists()


def test_a_manifest_that_is_not_text(anywhere: Place) -> None:
    path = anywhere.write("pod.yaml", "")
    path.write_bytes(b"\xff\xfe\x00")
    assert complaint(dev(anywhere, path)) == f"{path}:1: the file is not UTF-8 text"


def test_manifests_that_can_not_be_read(anywhere: Place) -> None:
    missing = anywhere.directory / "missing.yaml"
    assert complaint(dev(anywhere, missing)) == f"{missing}: No such file or directory"
    folder = anywhere.directory_of("folder")
    assert complaint(dev(anywhere, folder)) == f"{folder}: Is a directory"
    secret = anywhere.write("secret.yaml", pod("a"))
    secret.chmod(0)
    assert complaint(dev(anywhere, secret)) == f"{secret}: Permission denied"
    assert not anywhere.data.exists()


def test_what_only_a_running_api_refuses_leaves_no_object(anywhere: Place) -> None:
    good = anywhere.write("good.yaml", pod("a"))
    lost = anywhere.write("lost.yaml", pod("b").replace("name: b", "name: b\n  namespace: nowhere"))
    assert complaint(dev(anywhere, good, lost)) == f'{lost}:1: namespaces "nowhere" not found'
    with StoreReader.open(anywhere.data) as reader:
        assert reader.scan("/core/pods/")[0] == []
        assert reader.get("/core/namespaces//default") is not None


def test_a_hook_that_refuses_leaves_no_object(anywhere: Place) -> None:
    plugin = anywhere.write(
        "plugin.py",
        "from kernel import AdmissionDenied, AdmissionRequest, Pod, admission\n"
        "@admission(Pod)\n"
        "async def refuse(request: AdmissionRequest) -> None:\n"
        "    raise AdmissionDenied('not today')\n",
    )
    path = anywhere.write("pod.yaml", pod("a"))
    assert "not today" in complaint(dev(anywhere, "--plugin", plugin, path))
    with StoreReader.open(anywhere.data) as reader:
        assert reader.scan("/core/pods/")[0] == []


def test_a_taken_port(anywhere: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = dev(anywhere, "--listen", f"127.0.0.1:{port}")
    words = f"can't listen on 127.0.0.1:{port}: the port is taken"
    assert complaint(done).startswith(words)
    assert not anywhere.data.exists()


@pytest.mark.parametrize("text", ["6443", "here", "127.0.0.1:x", "127.0.0.1:70000", ""])
def test_a_bad_address(anywhere: Place, text: str) -> None:
    assert complaint(dev(anywhere, "--listen", text)).startswith("--listen: expected HOST:PORT")
    assert not anywhere.data.exists()


def test_an_address_of_somebody_else(anywhere: Place) -> None:
    said = complaint(dev(anywhere, "--listen", "192.0.2.1:0"))
    assert said == "can't listen on 192.0.2.1:0: Cannot assign requested address"
    assert not anywhere.data.exists()


def test_a_bad_node_name(anywhere: Place) -> None:
    assert complaint(dev(anywhere, "--node-name", "My Node")).startswith('--node-name: "My Node": ')
    assert not anywhere.data.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--static-pods", "ftp://x/y"), '--static-pods: "ftp://x/y" is no URL that starts with'),
        (("--static-pods", "http://"), '--static-pods: "http://" is no URL that starts with'),
        (
            ("--static-pods", "manifests", "--static-pods-header", "A: b"),
            "--static-pods-header: --static-pods is no URL",
        ),
        (
            ("--static-pods", "http://x/y", "--static-pods-header", "A b"),
            '--static-pods-header: expected NAME:VALUE, got "A b"',
        ),
    ],
)
def test_a_bad_place_of_static_pods(
    anywhere: Place, arguments: tuple[str, ...], words: str
) -> None:
    assert complaint(dev(anywhere, *arguments)).startswith(words)
    assert not anywhere.data.exists()


def test_unknown_options_are_told_with_the_usage(anywhere: Place) -> None:
    done = dev(anywhere, "--runtime", "docker")
    assert done.returncode == 2
    assert "invalid choice: 'docker'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_data_directory_without_permission(anywhere: Place) -> None:
    closed = anywhere.directory_of("closed")
    closed.chmod(0o500)
    data = closed / "data"
    done = dev(anywhere, "--data-dir", data)
    assert complaint(done) == f"{data}: Permission denied"
    assert list(closed.iterdir()) == []


def test_a_data_directory_that_is_a_file(anywhere: Place) -> None:
    file = anywhere.write("data-file", "mine")
    assert complaint(dev(anywhere, "--data-dir", file)) == f"{file}: Not a directory"
    assert file.read_text() == "mine"


def test_a_data_directory_that_is_in_use(anywhere: Place) -> None:
    server = anywhere.start()
    said = complaint(dev(anywhere))
    assert said.startswith(f"{anywhere.data} is in use by process {server.process.pid} (")
    with server.connected() as connection:
        assert connection.request("GET", "/version")["major"]


def test_containerd_that_is_not_there(anywhere: Place) -> None:
    none = anywhere.directory / "none.sock"
    done = dev(anywhere, "--runtime", "containerd", "--containerd-socket", none)
    assert complaint(done).startswith(f"containerd does not answer at {none}: ")
    assert not anywhere.data.exists()


def test_a_socket_that_nobody_serves(anywhere: Place) -> None:
    path = anywhere.directory / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    os.chmod(path, 0o777)
    done = dev(anywhere, "--runtime", "containerd", "--containerd-socket", path)
    assert complaint(done).startswith(f"containerd does not answer at {path}: ")
    assert not anywhere.data.exists()


PLUGINS = {
    "has a syntax error": ("def x(:\n", "{path}:1: invalid syntax"),
    "raises": ("x = 1\nx / 0\n", "{path}: ZeroDivisionError: division by zero ({path}:2)"),
    "exits": ("import sys\nsys.exit(3)\n", "{path}: SystemExit: 3 ({path}:2)"),
    "imports what isn't there": (
        "import nowhere\n",
        "{path}: ModuleNotFoundError: No module named 'nowhere' ({path}:1)",
    ),
    "defines nothing": ("x = 1\n", "{path}: no plugin in it"),
    "is empty": ("", "{path}: no plugin in it"),
}


@pytest.mark.parametrize("case", PLUGINS)
def test_a_bad_plugin(anywhere: Place, case: str) -> None:
    content, words = PLUGINS[case]
    path = anywhere.write("plugin.py", content)
    assert complaint(dev(anywhere, "--plugin", path)).startswith(words.format(path=path))
    assert not anywhere.data.exists()


def test_plugins_that_are_not_there(anywhere: Place) -> None:
    missing = anywhere.directory / "missing.py"
    assert complaint(dev(anywhere, "--plugin", missing)) == f"{missing}: no such file or folder"
    empty = anywhere.directory_of("plugins")
    assert "there is no .py file" in complaint(dev(anywhere, "--plugin", empty))
    assert not anywhere.data.exists()


def test_two_plugins_that_define_one_kind(anywhere: Place) -> None:
    content = "from kernel import Kind\nclass Site(Kind, group='example.dev', version='v1'): ...\n"
    first, second = (anywhere.write(f"{name}.py", content) for name in ("one", "two"))
    said = complaint(dev(anywhere, "--plugin", first, "--plugin", second))
    assert "Site" in said
    assert not anywhere.data.exists()


@pytest.mark.parametrize("command", ["log", "why"])
def test_nothing_to_look_at(anywhere: Place, command: str) -> None:
    done = anywhere.run(command, "pod/a", "--data-dir", anywhere.data)
    assert complaint(done) == f"{anywhere.data}: there is no event log in it"
    assert not anywhere.data.exists()


@pytest.mark.parametrize("command", ["log", "why"])
def test_objects_that_are_not_in_the_log(anywhere: Place, command: str) -> None:
    path = anywhere.write("pod.yaml", pod("web"))
    server = anywhere.start("--runtime", "simulated", path)
    server.wait_printed("pod/web created")

    def asked(name: str) -> str:
        return complaint(anywhere.run(command, name, "--data-dir", anywhere.data))

    missing = 'there is no pod "wbe" in namespace default in this log, did you mean "web"?'
    assert asked("pod/wbe") == missing
    assert asked("pood/web") == 'there is no kind "pood" in this log, did you mean "pod"?'
    assert asked("pod").startswith("expected KIND/NAME (such as pod/web)")
    assert asked("pod/").startswith("expected KIND/NAME")
