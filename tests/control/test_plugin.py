"""Plugins come from a file, a folder or a distribution; what is wrong is said in one line."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from kernel.control.plugin import (
    Plugin,
    PluginError,
    check_names,
    load_entry_points,
    load_path,
)

GOOD = """
from kernel.api.admission import AdmissionRequest, admission
from kernel.control.reconciler import Request, reconciler
from kernel.objects.config import ConfigMap
from kernel.objects.kind import Kind
from kernel.objects.struct import Struct

class GardenSpec(Struct):
    beds: int = 0

class Garden(Kind, group="example.dev", version="v1"):
    spec: GardenSpec

@reconciler(Garden, owns=[ConfigMap])
async def water(request, client):
    pass

@admission(Garden)
async def fence(request):
    pass
"""


@pytest.fixture(autouse=True)
def _modules_forgotten() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("podkernel_plugin_", "garden")):
            del sys.modules[name]


def write(path: Path, text: str) -> Path:
    path.write_text(dedent(text))
    return path


def parts(plugin: Plugin) -> tuple[str, list[str], list[str], list[str]]:
    return (
        plugin.name,
        [kind.info.kind for kind in plugin.kinds],
        [one.name for one in plugin.reconcilers],
        [hook.name for hook in plugin.admission_hooks],
    )


def test_a_file_brings_what_it_defines_and_not_what_it_imports(tmp_path: Path) -> None:
    (plugin,) = load_path(write(tmp_path / "garden.py", GOOD))
    assert parts(plugin) == ("garden", ["Garden"], ["water"], ["fence"])


def test_a_folder_brings_its_files_in_order(tmp_path: Path) -> None:
    write(tmp_path / "b.py", GOOD)
    write(tmp_path / "a.py", GOOD.replace("Garden", "Park").replace("water", "mow"))
    write(tmp_path / "_shared.py", "raise RuntimeError('not a plugin')")
    write(tmp_path / "notes.txt", "not Python")
    assert [parts(plugin)[:3] for plugin in load_path(tmp_path)] == [
        ("a", ["Park"], ["mow"]),
        ("b", ["Garden"], ["water"]),
    ]


def test_files_of_one_name_in_two_folders_do_not_mix(tmp_path: Path) -> None:
    plugins = []
    for folder, field in (("one", "beds"), ("two", "trees")):
        (tmp_path / folder).mkdir()
        plugins += load_path(write(tmp_path / folder / "g.py", GOOD.replace("beds", field)))
    modules = [plugin.kinds[0].__module__ for plugin in plugins]
    assert len(set(modules)) == 2
    specs = [sys.modules[module].GardenSpec.__struct_fields__ for module in modules]
    assert specs == [("beds",), ("trees",)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\ndef f(:\n", r"bad\.py:2: .*"),
        ("\nimport no_such_module\n", r"ModuleNotFoundError: .*no_such_module.* \(.*bad\.py:2\)"),
        ("1 +\\\n1\nraise ValueError('a\\nb')\n", r"ValueError: a b \(.*bad\.py:3\)"),
        ("import sys\nsys.exit('out')\n", r"SystemExit: out \(.*bad\.py:2\)"),
        ("import json\n\njson.loads('{')\n", r"JSONDecodeError: .* \(.*bad\.py:3\)"),
        ("x = '\0'", r"null bytes"),
        ("x = 1", r"no plugin in it: expected a Kind, a @reconciler, an @admission"),
        (
            "from kernel.objects.kind import Kind\n\n"
            "class A(Kind, group='g', version='v1', colour='red'):\n    pass\n",
            r"TypeError: .*colour.* \(.*bad\.py:3\)",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)
    with pytest.raises(PluginError) as refused:
        load_path(path)
    said = str(refused.value)
    assert "\n" not in said
    assert str(path) in said
    assert re.search(message, said), said
    assert "podkernel_plugin_bad" not in sys.modules or "no plugin in it" in said


@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.py", "no such file or folder"), ("empty", "there is no .py file")],
)
def test_a_path_with_nothing_in_it(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PluginError, match=message):
        load_path(tmp_path / name)


def test_a_file_that_is_not_python(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="not a Python file"):
        load_path(write(tmp_path / "plugin.yaml", "a: 1"))


def install(site: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a distribution on the import path that offers one plugin."""
    information = site / "garden-1.0.dist-info"
    information.mkdir()
    write(information / "METADATA", "Metadata-Version: 2.1\nName: garden\nVersion: 1.0\n")
    write(information / "entry_points.txt", f"[podkernel.plugins]\ngreen = {target}\n")
    monkeypatch.syspath_prepend(str(site))


def test_an_installed_distribution_offers_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "garden_module.py", GOOD)
    install(tmp_path, "garden_module", monkeypatch)
    found = {plugin.name: plugin for plugin in load_entry_points()}
    assert parts(found["green"]) == ("green", ["Garden"], ["water"], ["fence"])


def test_an_installed_distribution_offers_a_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = "\nfrom kernel.control.plugin import Plugin\nbundle = Plugin('mine', kinds=(Garden,))\n"
    write(tmp_path / "garden_bundle.py", GOOD + offer)
    install(tmp_path, "garden_bundle:bundle", monkeypatch)
    found = {plugin.name: plugin for plugin in load_entry_points()}
    assert parts(found["mine"]) == ("mine", ["Garden"], [], [])


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("garden_none", r"plugin green \(garden_none\): ModuleNotFoundError"),
        ("garden_wrong:number", r"expected a module or a Plugin, got int"),
        ("garden_wrong:absent", r"plugin green \(garden_wrong:absent\): AttributeError"),
    ],
)
def test_an_installed_distribution_that_is_broken_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, message: str
) -> None:
    write(tmp_path / "garden_wrong.py", "number = 7")
    install(tmp_path, target, monkeypatch)
    with pytest.raises(PluginError, match=message) as refused:
        load_entry_points()
    assert "\n" not in str(refused.value)


def test_two_reconcilers_of_one_name_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.py", GOOD)
    write(tmp_path / "b.py", GOOD)
    plugins = load_path(tmp_path)
    check_names(plugins[:1])
    with pytest.raises(PluginError, match="plugins a and b both bring a reconciler named water"):
        check_names(plugins)


FOLDING = """
from kernel import ConfigMap, http_get, projection, upcaster

@projection(ConfigMap, name="{name}", initial=int)
def count(state: int, entry) -> int:
    return state + 1

@upcaster("{version}", "ConfigMap")
def from_before(document):
    return document

@http_get("/plugins/{path}")
async def show(request):
    return 1
"""


def test_projections_upcasters_and_paths_are_found(tmp_path: Path) -> None:
    text = FOLDING.format(name="count", version="v0", path="count")
    (plugin,) = load_path(write(tmp_path / "folding.py", text))
    assert [one.name for one in plugin.projections] == ["count"]
    assert [one.api_version for one in plugin.upcasters] == ["v0"]
    assert [one.path for one in plugin.http_gets] == ["/plugins/count"]


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ({"name": "count", "version": "v-1", "path": "b"}, "a projection named count"),
        ({"name": "b", "version": "v-1", "path": "count"}, "something at /plugins/count"),
        ({"name": "b", "version": "v0", "path": "b"}, "an upcaster of ConfigMap v0"),
    ],
)
def test_two_plugins_that_take_the_same_are_told(
    tmp_path: Path, second: dict[str, str], problem: str
) -> None:
    first = FOLDING.format(name="count", version="v0", path="count")
    write(tmp_path / "first.py", first)
    write(tmp_path / "second.py", FOLDING.format(**second))
    plugins = load_path(tmp_path)
    with pytest.raises(PluginError, match=re.escape(problem)):
        check_names(plugins)
