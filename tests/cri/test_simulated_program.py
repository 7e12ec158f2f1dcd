import pytest

from kernel.cri.simulated.program import (
    UNTIL_STOPPED,
    Exit,
    IgnoreStopSignal,
    Print,
    Program,
    Sleep,
    program_of,
)


@pytest.mark.parametrize(
    ("command_line", "expected"),
    [
        ((), (UNTIL_STOPPED,)),
        (("httpd", "-f"), (UNTIL_STOPPED,)),
        (("true",), (Exit(0),)),
        (("/bin/false",), (Exit(1),)),
        (("exit", "3"), (Exit(3),)),
        (("sleep", "5"), (Sleep(5), Exit(0))),
        (("sleep", "0.5"), (Sleep(0.5), Exit(0))),
        (("sleep", "2m"), (Sleep(120), Exit(0))),
        (("sleep", "infinity"), (UNTIL_STOPPED,)),
        (("sleep",), (UNTIL_STOPPED,)),
        (("cp", "/sample.war", "/app"), (Exit(0),)),
        (("echo", "hello", "$NAME", "${NAME}!"), (Print("hello world world!"), Exit(0))),
        (("exec", "sleep", "1"), (Sleep(1), Exit(0))),
    ],
)
def test_one_command(command_line: tuple[str, ...], expected: Program) -> None:
    assert program_of(command_line, {"NAME": "world"}) == expected


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("exit 4", (Exit(4),)),
        ("", (Exit(0),)),
        ("sleep 1; exit 2", (Sleep(1), Exit(2))),
        ("echo a\nsleep 1\necho b", (Print("a"), Sleep(1), Print("b"), Exit(0))),
        ("true && echo yes || echo no", (Print("yes"), Exit(0))),
        ("false && echo yes || echo no", (Print("no"), Exit(0))),
        ("false; true", (Exit(0),)),
        ("true; false", (Exit(1),)),
        ("exit 1; echo never", (Exit(1),)),
        ("echo 'a; b' && sleep 2", (Print("a; b"), Sleep(2), Exit(0))),
        ("echo a > /tmp/file; sleep 1", (Sleep(1), Exit(0))),
        ("echo a >/tmp/file; sleep 1", (Sleep(1), Exit(0))),
        ("trap '' TERM; sleep 60", (IgnoreStopSignal(), Sleep(60), Exit(0))),
        ("echo up; while true; do sleep 1; done", (Print("up"), UNTIL_STOPPED)),
        ("server & wait", (UNTIL_STOPPED,)),
        ("echo 'not closed", (UNTIL_STOPPED,)),
        ("sh -c 'exit 7'", (Exit(7),)),
    ],
)
def test_a_script(script: str, expected: Program) -> None:
    assert program_of(("/bin/sh", "-c", script), {}) == expected
