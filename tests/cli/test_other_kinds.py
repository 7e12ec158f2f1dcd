"""Kinds that the command does not know: they are found in the log itself."""

from pathlib import Path

import anyio
import msgspec
import pytest

from kernel.clock import ManualClock
from kernel.store.log import Operation, Write
from kernel.store.store import Store

from .conftest import Command


@pytest.fixture
def widgets(tmp_path: Path) -> Path:
    """1, 2: widgets a and b; 3: b bigger, because of 1; 4: a gadget; 5: it is deleted."""
    directory = tmp_path / "widgets"
    anyio.run(_write, directory)
    return directory


async def _write(directory: Path) -> None:
    def widget(name: str, size: int, kind: str = "Widget") -> bytes:
        metadata = {"name": name, "namespace": "default", "labels": {"size": str(size)}}
        head = {"apiVersion": "example.dev/v1", "kind": kind, "metadata": metadata}
        return msgspec.json.encode(head | {"spec": {"sizeMax": size, "on": True, "parts": [1]}})

    a, b, gadget = (
        f"/example.dev/{name}"
        for name in ("widgets/default/a", "widgets/default/b", "gadgets/default/g")
    )
    async with Store.open_writer(directory, clock=ManualClock(), durability="process") as store:
        await store.commit(Write([Operation(a, widget("a", 1)), Operation(b, widget("b", 1))]))
        await store.commit(Write([Operation(b, widget("b", 2))], actor="grower", cause=1))
        await store.commit(Write([Operation(gadget, widget("g", 1, "Gadget"))], actor="maker"))
        last = widget("g", 1, "Gadget")
        await store.commit(Write([Operation(gadget, None, last_value=last)], actor="breaker"))


def test_they_are_listed_with_their_plain_values(run: Command, widgets: Path) -> None:
    for kind in ("widget", "widgets", "widgets.example.dev", "Widget"):
        assert run("get", kind, "--data-dir", widgets).out.splitlines() == [
            "NAME   SIZE MAX   ON     AGE",
            "a      1          true   <none>",
            "b      2          true   <none>",
        ]
    then = run("get", "widget/b", "--at", "2", "--data-dir", widgets).out
    assert then.splitlines()[1].split() == ["b", "1", "true", "<none>"]
    selected = run("get", "widgets", "-l", "size=2", "-o", "name", "--data-dir", widgets).out
    assert selected == "widget.example.dev/b\n"


def test_their_history_is_told(run: Command, widgets: Path) -> None:
    chain = run("why", "widget/b:spec.sizeMax", "--data-dir", widgets).out
    assert "spec.sizeMax: 1 → 2" in chain
    assert "grower updated /example.dev/widgets/default/b" in chain
    assert "created /example.dev/widgets/default/a" in chain, "its cause is another object's entry"


def test_those_of_which_none_is_left_too(run: Command, widgets: Path) -> None:
    told = run("log", "gadget/g", "--data-dir", widgets).out
    assert ("maker" in told, "breaker" in told) == (True, True)
    then = run("get", "gadgets", "--at", "4", "-o", "name", "--data-dir", widgets).out
    assert then == "gadget.example.dev/g\n"
    for arguments, message in (
        (("get", "gadgets"), 'there are no objects of kind "gadgets"'),
        (
            ("get", "gadgets", "--at", "1"),
            'there were, at revision 1, no objects of kind "gadgets"',
        ),
        (("get", "gizmos"), 'there is no kind "gizmos" in this log'),
        (("get", "pdo"), 'there is no kind "pdo" in this log, did you mean "pod"?'),
        (("get", "widget", "c"), 'widgets.example.dev "c" not found'),
        (("get", "widget", "a", "-A"), "-A and -l go with lists: leave out the name, or them"),
        (("get", "widget", "-l", "=="), "unable to parse label selector"),
    ):
        done = run(*arguments, "--data-dir", widgets)
        assert (done.code, done.out) == (1, "")
        assert done.error.startswith(f"podkernel: {message}")
