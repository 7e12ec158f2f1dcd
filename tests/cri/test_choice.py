"""Which runtime `auto` takes, and what it says."""

import logging
from pathlib import Path

import pytest

from kernel.clock import SystemClock
from kernel.cri.choice import outside_runtime
from kernel.cri.runtime import RuntimeUnavailable

pytestmark = pytest.mark.anyio


async def test_a_socket_that_was_named_and_does_not_answer_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    socket = str(tmp_path / "no.sock")
    assert await outside_runtime("auto", clock=SystemClock(), containerd_socket=socket) is None
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "processes of this machine" in record.getMessage()


async def test_containerd_by_name_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(RuntimeUnavailable):
        await outside_runtime(
            "containerd", clock=SystemClock(), containerd_socket=str(tmp_path / "no.sock")
        )


async def test_other_names_need_no_daemon() -> None:
    assert await outside_runtime("process", clock=SystemClock()) is None
    assert await outside_runtime("simulated", clock=SystemClock()) is None
