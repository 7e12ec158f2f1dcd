"""What a simulated container does, read from its command line.

A container of the simulated runtime has no program; its command is understood as far as manifests
for trying things out need it, so that they behave alike with and without a real runtime:

| command | does |
| --- | --- |
| `sleep 5` (also `5s`, `1m`, `1h`) | runs that long |
| `true`, `false`, `exit 3` | ends at once with that exit code |
| `echo words` | writes a line to the log; `$NAME` stands for environment variables |
| `cp`, `mkdir`, `touch`, … | ends at once with exit code 0, and touches nothing |
| `trap '' TERM` | does not heed the stop signal from here on |
| `sh -c "…"` | such commands in a row, joined by `;`, `&&`, `||` or line ends |
| anything else, and no command | runs until it is stopped |
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import msgspec

_SHELLS = {"sh", "ash", "bash", "dash"}
_ENDS_AT_ONCE = {
    *("cat", "cd", "chmod", "chown", "cp", "date", "env", "export", "hostname", "id", "install"),
    *("ln", "ls", "mkdir", "mv", "printf", "pwd", "rm", "set", "stat", "tar", "test", "touch"),
    *("umask", "uname", "unzip", "wget"),
}
_OPERATORS = ";&|<>()\n"
_UNIT_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")


class Print(msgspec.Struct, frozen=True):
    """Write a line to the log."""

    line: str


class Sleep(msgspec.Struct, frozen=True):
    """Go on after so many seconds; None is until stopped."""

    seconds: float | None


class IgnoreStopSignal(msgspec.Struct, frozen=True):
    """From here on only SIGKILL ends it."""


class Exit(msgspec.Struct, frozen=True):
    """End with an exit code."""

    code: int


Step = Print | Sleep | IgnoreStopSignal | Exit
Program = tuple[Step, ...]

UNTIL_STOPPED = Sleep(None)


def program_of(command_line: Sequence[str], environment: Mapping[str, str]) -> Program:
    """The steps of a command line; the last one is an Exit or a Sleep without end."""
    steps: list[Step] = []
    status = _run(list(command_line), environment, steps)
    return tuple(steps) if status is None else (*steps, Exit(status))


def _run(words: list[str], environment: Mapping[str, str], steps: list[Step]) -> int | None:
    """Append the steps of one command; answers its exit code, None if nothing can follow it."""
    name = PurePosixPath(words[0]).name if words else ""
    arguments = words[1:]
    if name == "exec" and arguments:
        return _run(arguments, environment, steps)
    if name in _SHELLS and arguments[:1] == ["-c"] and len(arguments) > 1:
        return _run_script(arguments[1], environment, steps)
    if name == "exit":
        steps.append(Exit(int(arguments[0]) if arguments and arguments[0].isdigit() else 0))
        return None
    if name == "sleep" and (seconds := _duration_seconds(arguments)) is not None:
        steps.append(Sleep(seconds))
        return 0
    if name == "echo":
        if ">" not in arguments and ">>" not in arguments:
            steps.append(Print(_expanded(" ".join(arguments), environment)))
        return 0
    if name == "trap" and arguments[:1] == [""]:
        steps.append(IgnoreStopSignal())
        return 0
    if name in ("true", ":") or name in _ENDS_AT_ONCE:
        return 0
    if name == "false":
        return 1
    steps.append(UNTIL_STOPPED)
    return None


def _run_script(script: str, environment: Mapping[str, str], steps: list[Step]) -> int | None:
    """Append the steps of a shell script, as far as it is a row of simple commands."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=_OPERATORS)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:
        steps.append(UNTIL_STOPPED)
        return None
    status = 0
    for operator, words in _commands(tokens):
        if (operator == "&&" and status != 0) or (operator == "||" and status == 0):
            continue
        if operator in ("|", "&", "(", ")"):
            words = []
        outcome = _run(words, environment, steps)
        if outcome is None:
            return None
        status = outcome
    return status


def _commands(tokens: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Commands with the operator before each: `a && b` → [(";", [a]), ("&&", [b])]."""
    commands: list[tuple[str, list[str]]] = [(";", [])]
    for token in tokens:
        if not token or set(token) - set(_OPERATORS) or token in (">", ">>", "<"):
            commands[-1][1].append(token)
        else:
            commands.append((token.strip("\n;") or ";", []))
    return [command for command in commands if command[1]]


def _duration_seconds(arguments: Sequence[str]) -> float | None:
    match = _DURATION.fullmatch(arguments[0]) if len(arguments) == 1 else None
    return float(match[1]) * _UNIT_SECONDS[match[2]] if match else None


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: environment.get(match[1] or match[2], ""), text)
