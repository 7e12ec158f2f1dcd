"""The façade: what it promises is there, and costs nothing before it is used."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import kernel


def test_every_name_can_be_imported() -> None:
    for name in kernel.__all__:
        assert getattr(kernel, name) is not None


def test_type_checkers_are_told_of_the_same_names() -> None:
    tree = ast.parse(Path(kernel.__file__).read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    told = {
        alias.asname
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == set(kernel.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Podd"):
        getattr(kernel, "Podd")  # noqa: B009 - mypy knows that there is no such name


def test_importing_the_facade_loads_no_heavy_library() -> None:
    program = "import kernel, sys; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"lmdb", "aiohttp", "grpc", "yaml", "msgspec", "anyio"} & set(loaded)
