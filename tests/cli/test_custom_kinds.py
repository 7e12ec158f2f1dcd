"""Kinds that a log defines itself are known by all their names."""

from pathlib import Path

import anyio
import msgspec

from kernel import CustomResourceDefinition, Kernel

from ..cron_tabs import cron_tab, definition
from .conftest import Command


async def _fill(directory: Path) -> None:
    async with Kernel.open(directory, runtime=None, durability="process") as kernel:
        await kernel.client.create(msgspec.convert(definition(), CustomResourceDefinition))
        kind = kernel.client.custom_kind("stable.example.com/v1", "CronTab")
        await kernel.client.create(kind.of_document(cron_tab()))


def test_an_object_is_found_by_the_short_name_of_its_kind(run: Command, tmp_path: Path) -> None:
    directory = tmp_path / "state"
    anyio.run(_fill, directory)
    shown = run("get", "ct", "--data-dir", str(directory))
    assert "web" in shown.out
