"""`log KIND/NAME`, `diff` and `why` over a history that is known."""

import json
from pathlib import Path

import pytest

from .conftest import Command


def test_log_tells_what_changed_by_whom_and_why(run: Command, data: Path) -> None:
    done = run("log", "configmap/a", "--data-dir", data)
    assert done.out.splitlines() == [
        "REVISION  TIME                     VERB    ACTOR                         CAUSE",
        "       2  2026-01-01 00:01:00.000  create  alice via kubectl",
        "       3  2026-01-01 00:02:00.000  update  copier                        "
        "2 alice via kubectl created configmaps/default/a",
        '          data.x: "1" → "2"',
        '          metadata.labels.l: nothing → "v"',
        "       5  2026-01-01 00:04:00.000  delete  program",
    ]
    changes = [
        json.loads(line)["changes"]
        for line in run("log", "cm/a", "--json", "--data-dir", data).out.splitlines()
    ]
    assert {"path": "data.x", "after": "1"} in changes[0]
    assert changes[1] == [
        {"path": "metadata.labels.l", "after": "v"},
        {"path": "data.x", "before": "1", "after": "2"},
    ]
    assert changes[2] == []


def test_log_of_everything_stays_a_line_an_entry(run: Command, data: Path) -> None:
    lines = run("log", "--data-dir", data).out.splitlines()
    assert [line.split()[0] for line in lines] == ["REVISION", "1", "2", "3", "4", "5"]


def test_diff_of_two_moments(run: Command, data: Path) -> None:
    done = run("diff", "cm/a", "2", "2026-01-01T00:02:30Z", "--data-dir", data)
    assert done.out.splitlines() == [
        "--- /core/configmaps/default/a at 2: "
        "2  2026-01-01 00:01:00.000  alice via kubectl created it",
        "+++ /core/configmaps/default/a at 3: 3  2026-01-01 00:02:00.000  copier updated it",
        'data.x: "1" → "2"',
        'metadata.labels.l: nothing → "v"',
    ]
    assert run("diff", "cm/a", "3", "4", "--data-dir", data).out.endswith("\n(no difference)\n")
    gone = run("diff", "cm/a", "4", "--data-dir", data).out
    assert "+++ /core/configmaps/default/a at 5: it did not exist" in gone
    assert 'data.x: "2" → nothing' in gone


def test_why_a_field_has_its_value(run: Command, data: Path) -> None:
    done = run("why", "cm/a:data.x", "--at", "4", "--data-dir", data)
    assert done.out.splitlines() == [
        'data.x of /core/configmaps/default/a at revision 4 was "2" because, newest first:',
        "       3  2026-01-01 00:02:00.000  copier updated /core/configmaps/default/a",
        '             data.x: "1" → "2"',
        "       2  2026-01-01 00:01:00.000  alice via kubectl created /core/configmaps/default/a",
        "    alice via kubectl acted of its own accord",
    ]
    before = run("why", "cm/a:data.x", "--at", "2", "--data-dir", data).out
    assert before.splitlines()[0].endswith('at revision 2 was "1" because, newest first:')
    now = run("why", "cm/a", "--data-dir", data).out
    assert "program deleted /core/configmaps/default/a" in now


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("cm/a:data.y",),
            'data.y has never been set in /core/configmaps/default/a, did you mean "data.x"?',
        ),
        (("cm/a", "--at", "1"), "/core/configmaps/default/a did not exist yet at revision 1"),
        (("cm/c",), 'there is no cm "c" in namespace default in this log'),
    ],
)
def test_why_of_what_is_not_there(
    run: Command, data: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run("why", *arguments, "--data-dir", data)
    assert (done.code, done.out) == (1, "")
    assert done.error.startswith(f"podkernel: {message}")
