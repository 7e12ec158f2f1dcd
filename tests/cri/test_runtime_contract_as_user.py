"""The contract suite once more as an ordinary user, where the tests themselves run as root."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

_NOBODY = 65534
_REPOSITORY = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.root,
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
]


def _run_as_nobody(arguments: list[str], home: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        user=_NOBODY,
        group=_NOBODY,
        extra_groups=[],
        cwd=_REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            "HOME": home,
            "TMPDIR": home,
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_process_runtime_keeps_the_contract_for_an_ordinary_user() -> None:
    with tempfile.TemporaryDirectory(prefix="podkernel-nobody-") as home:
        os.chown(home, _NOBODY, _NOBODY)
        try:
            works = _run_as_nobody(["-c", "import pytest"], home).returncode == 0
        except PermissionError:
            works = False
        if not works:
            pytest.skip(f"an ordinary user can't run {sys.executable}")
        suite = "tests/cri/test_runtime_contract.py"
        options = ["-q", "--tb=short", "-p", "no:cacheprovider", f"--basetemp={home}/pytest"]
        ran = _run_as_nobody(["-m", "pytest", suite, "-k", "process", *options], home)
    assert ran.returncode == 0, ran.stdout[-10_000:] + ran.stderr[-2000:]
