"""`podkernel replay`: a log, a changed reconciler, and what differs."""

from pathlib import Path
from textwrap import dedent

import pytest

from .conftest import Command

PLUGIN = """
    from kernel import Client, ConfigMap, NotFound, Request, reconciler

    @reconciler(ConfigMap, when=lambda found: found.metadata.name == "a")
    async def copier(request: Request, client: Client) -> None:
        found = await client.get(ConfigMap, request.name)
        if found.data.get("x") == "1":
            found.data["x"] = "{text}"
            found.metadata.labels["l"] = "v"
            await client.update(found)
        elif {fails}:
            raise ValueError("not one")
"""


def write_plugin(directory: Path, text: str = "2", fails: bool = False) -> Path:
    """`copier` as the history of `data` has it (see conftest.py), or changed."""
    path = directory / f"copier_{text}_{fails}.py"
    path.write_text(dedent(PLUGIN.format(text=text, fails=fails)))
    return path


def test_the_same_agrees(run: Command, data: Path, tmp_path: Path) -> None:
    outcome = run("replay", data, "--plugin", write_plugin(tmp_path))
    assert (outcome.code, outcome.error) == (0, "")
    assert outcome.out == (
        "revisions 1 to 5: 5 entries, 3 calls, 1 writes (0 differ), 0 failures, 0 missing\n"
    )
    everything = run("replay", data, "--plugin", write_plugin(tmp_path), "--all").out
    assert everything.splitlines()[0].split(None, 1) == [
        "2",
        "copier would have updated configmaps/default/a, as in revision 3",
    ]


def test_what_differs_is_told(run: Command, data: Path, tmp_path: Path) -> None:
    outcome = run("replay", data, "--plugin", write_plugin(tmp_path, "3", fails=True))
    assert outcome.code == 1
    assert [line.strip() for line in outcome.out.splitlines()] == [
        "2  copier would have updated configmaps/default/a; "
        "revision 3 has that with these differences",
        'data.x: "2" → "3"',
        "3  copier failed for default/a: ValueError: not one",
        "revisions 1 to 5: 5 entries, 3 calls, 1 writes (1 differ), 1 failures, 0 missing",
    ]


def test_what_is_missing_is_told(run: Command, data: Path, tmp_path: Path) -> None:
    outcome = run("replay", data, "--plugin", write_plugin(tmp_path), "--from", "3")
    assert outcome.code == 1
    assert outcome.out.splitlines()[0].strip() == (
        "3  copier updated configmaps/default/a in the log, and not in the replay"
    )


@pytest.mark.parametrize("revision", ["7", "0", "-3"])
def test_a_revision_that_is_not_there_is_said(
    run: Command, data: Path, tmp_path: Path, revision: str
) -> None:
    outcome = run("replay", data, "--plugin", write_plugin(tmp_path), "--from", revision)
    assert outcome.code == 1
    assert outcome.error.startswith("podkernel: revision ")


def test_without_a_reconciler_there_is_nothing_to_do(run: Command, data: Path) -> None:
    outcome = run("replay", data)
    assert outcome.code == 1
    assert outcome.error == (
        "podkernel: no plugin with a reconciler is loaded; name one by --plugin\n"
    )


def test_without_a_log_that_is_said(run: Command, tmp_path: Path) -> None:
    outcome = run("replay", tmp_path / "none", "--plugin", write_plugin(tmp_path))
    assert outcome.error == f"podkernel: {tmp_path / 'none'}: there is no event log in it\n"
