"""docs/event-log.md: its snippets and commands, run as they stand there."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from kernel import Plugin, PluginError
from kernel.control.plugin import load_path
from tests.docs.pages import REPOSITORY, blocks, run_program, run_session, sessions

PAGE = REPOSITORY / "docs/event-log.md"


def test_the_program_runs(tmp_path: Path) -> None:
    program = next(block for block in blocks(PAGE, "python") if "anyio.run" in block)
    assert run_program(program, tmp_path) == [
        "{'colour': 'blue'}",
        "{'colour': 'red'}",
        "Conflict",
    ]


def test_the_projection_is_a_plugin(tmp_path: Path) -> None:
    path = tmp_path / "per_day.py"
    path.write_text(next(block for block in blocks(PAGE, "python") if "@projection" in block))
    try:
        (plugin,) = load_path(path)
    except PluginError as error:
        pytest.fail(str(error))
    assert isinstance(plugin, Plugin)
    assert [one.name for one in plugin.projections] == ["pods-created-per-day"]
    assert [one.path for one in plugin.http_gets] == ["/plugins/pods-created-per-day"]


@pytest.mark.kubectl
@pytest.mark.usefixtures("documented_ports")
def test_the_commands_run(tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not on the PATH")
    shutil.copy(REPOSITORY / "docs/examples/website.py", tmp_path)
    (session,) = sessions(PAGE)
    directories = (str(Path(sys.executable).parent), os.environ["PATH"])
    environment = {**os.environ, "HOME": str(tmp_path), "PATH": ":".join(directories)}
    printed = run_session(session, tmp_path, environment)
    assert 'data.colour: "red" → "blue"' in printed
    assert 'status.phase of /core/pods/default/web is "Running"' in printed
    assert "imported is sound" in printed
