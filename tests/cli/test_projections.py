"""`podkernel projections`: what is saved, and building one anew."""

from pathlib import Path
from textwrap import dedent

import anyio
import pytest

from kernel.assembly import Kernel
from kernel.clock import ManualClock
from kernel.store.store import Store, StoreReader

from .conftest import Command

PLUGIN = """
    from kernel import ConfigMap, ProjectedEntry, projection

    @projection(ConfigMap, name="counter", initial=int, version={version})
    def counter(state: int, entry: ProjectedEntry[ConfigMap]) -> int:
        return state + {step}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return write_plugin(tmp_path, 1, 1)


def write_plugin(directory: Path, version: int, step: int) -> Path:
    path = directory / f"counter_{version}_{step}.py"
    path.write_text(dedent(PLUGIN.format(version=version, step=step)))
    return path


def open_once(data: Path, plugin: Path) -> None:
    """Have the plugin's projection brought up to date and saved."""

    async def run() -> None:
        opening = Kernel.open(
            data, runtime=None, plugins=[plugin], durability="process", clock=ManualClock()
        )
        async with opening:
            pass

    anyio.run(run)


def saved_state(data: Path) -> bytes:
    """What the projection has counted: the entries of the history, and one of each namespace's
    kube-root-ca.crt."""
    with StoreReader.open(data) as reader:
        found = reader.projection("counter")
        assert found is not None
        assert found.revision == reader.revision
        return found.state


def test_where_nothing_is_saved_that_is_said(run: Command, data: Path) -> None:
    outcome = run("projections", "--data-dir", data)
    assert (outcome.code, outcome.out) == (0, "no projection has been saved in this log\n")


def test_what_is_saved_is_listed(run: Command, data: Path, plugin: Path) -> None:
    open_once(data, plugin)
    size = len(saved_state(data))
    with StoreReader.open(data) as reader:
        revision = reader.revision
    headings, row = run("projections", "--data-dir", data).out.splitlines()
    assert headings.split() == ["NAME", "VERSION", "REVISION", "BEHIND", "SINCE", "BYTES"]
    assert row.split() == ["counter", "1", str(revision), "0", "0", str(size)]


def test_one_is_built_anew(run: Command, data: Path, plugin: Path) -> None:
    open_once(data, plugin)
    assert b'"state":8' in saved_state(data)
    changed = write_plugin(data.parent, 1, 10)  # the same version: nothing is built by itself
    open_once(data, changed)
    assert b'"state":8' in saved_state(data)
    outcome = run("projections", "--data-dir", data, "--rebuild", "counter", "--plugin", changed)
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.out.startswith("counter is built anew, up to revision ")
    assert b'"state":80' in saved_state(data)


def test_a_compacted_log_is_told_of(run: Command, data: Path, plugin: Path) -> None:
    async def compact() -> None:
        async with Store.open_writer(data, clock=ManualClock(), durability="process") as store:
            await store.compact(4)

    anyio.run(compact)
    outcome = run("projections", "--data-dir", data, "--rebuild", "counter", "--plugin", plugin)
    assert outcome.code == 0
    assert run("projections", "--data-dir", data).out.splitlines()[1].split()[4] == "4"
    assert b'"state":3' in saved_state(data)  # a and b as of 4, and the deletion of a


def test_what_can_not_be_built_is_said_in_a_line(run: Command, data: Path, plugin: Path) -> None:
    outcome = run("projections", "--data-dir", data, "--rebuild", "counter")
    assert outcome.code == 1
    assert outcome.error == (
        "podkernel: no plugin brings a projection named counter; name it by --plugin\n"
    )
    outcome = run("projections", "--data-dir", data, "--rebuild", "x", "--plugin", plugin)
    assert outcome.error.endswith("named x; those that are loaded: counter\n")
    outcome = run("projections", "--data-dir", data / "none", "--rebuild", "x")
    assert "there is no event log" in outcome.error
    assert not (data / "none").exists()


def test_a_fold_that_fails_leaves_what_was_saved(
    run: Command, data: Path, plugin: Path, tmp_path: Path
) -> None:
    open_once(data, plugin)
    broken = tmp_path / "broken.py"
    broken.write_text(plugin.read_text().replace("state + 1", "state // 0"))
    outcome = run("projections", "--data-dir", data, "--rebuild", "counter", "--plugin", broken)
    assert outcome.code == 1
    last = outcome.error.splitlines()[-1]
    assert last.startswith("podkernel: projection counter failed at revision ")
    assert last.endswith(": ZeroDivisionError: integer division or modulo by zero")
    assert b'"state":8' in saved_state(data)
