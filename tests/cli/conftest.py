"""The command in this process, over a data directory that no server has open."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import msgspec
import pytest

from kernel.api.context import acting
from kernel.api.local import LocalClient
from kernel.api.object_api import ObjectApi
from kernel.cli.main import main
from kernel.clock import ManualClock
from kernel.objects.config import ConfigMap
from kernel.objects.kinds import KindTable
from kernel.objects.meta import ObjectMeta
from kernel.objects.namespace import Namespace
from kernel.store.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)


class Outcome(msgspec.Struct, frozen=True):
    """How a command ended."""

    code: int
    out: str
    error: str


Command = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `podkernel` with arguments."""
    monkeypatch.setenv("TZ", "UTC")

    def command(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["podkernel", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        printed = capsys.readouterr()
        code = end.value.code
        assert isinstance(code, int)
        return Outcome(code, printed.out, printed.err)

    return command


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with the history of a ConfigMap `a`, an entry a minute from noon on New
    Year's Day:

    1 namespace default   2 a created, x=1   3 x=2, because of 2   4 b created   5 a deleted
    """
    directory = tmp_path / "data"
    anyio.run(_write_history, directory)
    return directory


async def _write_history(directory: Path) -> None:
    clock = ManualClock(start=START)
    async with Store.open_writer(directory, clock=clock, durability="process") as store:
        client = LocalClient(ObjectApi(store, KindTable.core(), clock))
        await client.create(Namespace(metadata=ObjectMeta(name="default")))
        await clock.advance(60)
        with acting("alice via kubectl"):
            a = await client.create(ConfigMap(metadata=ObjectMeta(name="a"), data={"x": "1"}))
        await clock.advance(60)
        with acting("copier", cause=2):
            a.data["x"] = "2"
            a.metadata.labels["l"] = "v"
            await client.update(a)
        await clock.advance(60)
        await client.create(ConfigMap(metadata=ObjectMeta(name="b")))
        await clock.advance(60)
        await client.delete(ConfigMap, "a")
