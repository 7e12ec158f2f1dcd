import stat
from pathlib import Path

import pytest

from kernel.reconcilers.pod.configuration.translate import TERMINATION_MESSAGE_POLICY
from kernel.reconcilers.pod.termination import make_message_file, termination_message
from tests.reconcilers.pod.made_up import exited

FALLBACK = {TERMINATION_MESSAGE_POLICY: "FallbackToLogsOnError"}


def test_any_user_may_write_the_message(tmp_path: Path) -> None:
    path = make_message_file(tmp_path, "uid1", "main", 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666


@pytest.mark.parametrize(
    ("code", "policy", "written", "expected"),
    [
        (1, {}, "last words", "last words"),
        (0, {}, "last words", "last words"),
        (1, {}, "", ""),
        (1, FALLBACK, "last words", "last words"),
        (1, FALLBACK, "", "one\ntwo words\n"),
        (0, FALLBACK, "", ""),
    ],
)
def test_the_message(
    code: int, policy: dict[str, str], written: str, expected: str, tmp_path: Path
) -> None:
    log = tmp_path / "0.log"
    log.write_text(
        "2026-01-01T00:00:00.000000000Z stdout F one\n"
        "2026-01-01T00:00:01.000000000Z stderr F two words\n"
    )
    make_message_file(tmp_path, "uid1", "main", 0).write_text(written)
    ended = exited("main", code=code, annotations=policy, log_path=str(log))
    assert termination_message(ended, tmp_path, "uid1") == expected


def test_a_long_message_is_cut(tmp_path: Path) -> None:
    make_message_file(tmp_path, "uid1", "main", 0).write_text("y" * 904 + "x" * 4096)
    assert termination_message(exited("main"), tmp_path, "uid1") == "x" * 4096


@pytest.mark.parametrize("long_line", [False, True])
@pytest.mark.parametrize(("count", "words"), [(0, 1), (3, 1), (79, 9), (81, 1), (500, 90)])
def test_a_log_s_end_is_80_lines_or_2048_bytes(
    count: int, words: int, long_line: bool, tmp_path: Path
) -> None:
    lines = [f"line {number}" + " word" * (words - 1) for number in range(count)]
    entries = [f"2026-01-01T00:00:00.123456789Z stderr F {line}\n" for line in lines]
    if long_line:
        # One line of 40,000 bytes, as runtimes cut it.
        lines.append("z" * 40_000)
        parts = ("P", 16_384), ("P", 16_384), ("F", 7_232)
        entries += [f"2026-01-01T00:00:00.1Z stdout {tag} {'z' * size}\n" for tag, size in parts]
    log = tmp_path / "0.log"
    log.write_text("".join(entries))
    ended = exited("main", code=1, annotations=FALLBACK, log_path=str(log))
    last = "".join(f"{line}\n" for line in lines[-80:])
    assert termination_message(ended, tmp_path, "uid1") == last[-2048:]


def test_without_a_file_there_is_no_message(tmp_path: Path) -> None:
    ended = exited("main", code=1, annotations=FALLBACK, log_path=str(tmp_path / "none"))
    assert termination_message(ended, tmp_path, "uid1") == ""
