"""Plugins: kinds, reconcilers and admission hooks that come in from outside, and from inside.

A plugin is a Python module. What it defines at its top level counts: subclasses of `Kind`,
functions under `@reconciler`, `@admission`, `@projection`, `@upcaster` and `@http_get`. The
built-in reconcilers are a `Plugin` like any other.
"""

import importlib.util
import itertools
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from kernel.api.admission import AdmissionHook
from kernel.api.upcasting import Upcaster, Upcasters
from kernel.control.plugin_http import HttpGet
from kernel.control.projection import Projection
from kernel.control.reconciler import Reconciler
from kernel.objects.kind import Kind
from kernel.objects.kinds import KindTable

ENTRY_POINT_GROUP = "podkernel.plugins"


class PluginError(Exception):
    """A plugin can't be loaded; the message is one line that says where and why."""


class Plugin(msgspec.Struct, frozen=True):
    """What one plugin brings."""

    name: str
    kinds: tuple[type[Kind], ...] = ()
    reconcilers: tuple[Reconciler, ...] = ()
    admission_hooks: tuple[AdmissionHook, ...] = ()
    projections: tuple[Projection[Any], ...] = ()
    upcasters: tuple[Upcaster, ...] = ()
    http_gets: tuple[HttpGet, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether it brings nothing."""
        return not any(getattr(self, name) for name in self.__struct_fields__ if name != "name")

    @classmethod
    def from_module(cls, module: ModuleType, name: str = "") -> "Plugin":
        """Gather what a module defines itself; what it has imported belongs to others."""
        values = list(vars(module).values())
        kinds = (value for value in values if _is_kind_of(value, module))
        reconcilers = (value for value in values if isinstance(value, Reconciler))
        hooks = (value for value in values if isinstance(value, AdmissionHook))
        projections = (value for value in values if isinstance(value, Projection))
        upcasters = (value for value in values if isinstance(value, Upcaster))
        gets = (value for value in values if isinstance(value, HttpGet))
        return cls(
            name=name or module.__name__,
            kinds=tuple(kinds),
            reconcilers=tuple(one for one in reconcilers if _defined_in(one.reconcile, module)),
            admission_hooks=tuple(one for one in hooks if _defined_in(one.function, module)),
            projections=tuple(one for one in projections if _defined_in(one.fold, module)),
            upcasters=tuple(one for one in upcasters if _defined_in(one.function, module)),
            http_gets=tuple(one for one in gets if _defined_in(one.function, module)),
        )


def load_path(path: Path) -> list[Plugin]:
    """The plugin in a file, or those in a folder (each `.py` whose name has no leading
    underscore, by name). Raises `PluginError`."""
    try:
        if not path.is_dir():
            if not path.is_file():
                raise PluginError(f"{path}: no such file or folder")
            return [_load_file(path)]
        files = sorted(file for file in path.iterdir() if _may_be_plugin(file))
    except OSError as error:
        raise PluginError(f"{path}: {error.strerror}") from error
    if not files:
        raise PluginError(f"{path}: no plugin in it: there is no .py file")
    return [_load_file(file) for file in files]


def _may_be_plugin(file: Path) -> bool:
    return file.suffix == ".py" and not file.name.startswith("_")


def load_entry_points() -> list[Plugin]:
    """The plugins that installed distributions offer. Raises `PluginError`."""
    return [_load_entry_point(point) for point in entry_points(group=ENTRY_POINT_GROUP)]


def _load_entry_point(point: EntryPoint) -> Plugin:
    loaded = _guarded(f"plugin {point.name} ({point.value})", point.load)
    if isinstance(loaded, Plugin):
        return loaded
    if isinstance(loaded, ModuleType):
        return Plugin.from_module(loaded, point.name)
    raise PluginError(
        f"plugin {point.name} ({point.value}): expected a module or a Plugin, "
        f"got {type(loaded).__name__}"
    )


def _load_file(path: Path) -> Plugin:
    name = _module_name(path)
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise PluginError(f"{path}: not a Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    loader = specification.loader
    try:
        _guarded(str(path), lambda: loader.exec_module(module))
    except PluginError:
        del sys.modules[name]
        raise
    plugin = Plugin.from_module(module, path.stem)
    if plugin.is_empty:
        raise PluginError(
            f"{path}: no plugin in it: expected a Kind, a @reconciler, an @admission, "
            "a @projection, an @upcaster or an @http_get"
        )
    return plugin


def _module_name(path: Path) -> str:
    """A name of its own for each file, though files in two folders be named alike: types are
    looked up by the name of their module."""
    name = f"podkernel_plugin_{path.stem}"
    for number in itertools.count(2):
        loaded = sys.modules.get(name)
        if loaded is None or loaded.__file__ == str(path):
            break
        name = f"podkernel_plugin_{path.stem}_{number}"
    return name


def _guarded(what: str, load: Callable[[], Any]) -> Any:
    """Load, and make one line of whatever goes wrong in the plugin's own code."""
    try:
        return load()
    except SyntaxError as error:
        line = f":{error.lineno}" if error.lineno else ""
        raise PluginError(f"{error.filename or what}{line}: {error.msg}") from error
    except (Exception, SystemExit) as error:
        message = " ".join(str(error).split())
        raise PluginError(
            f"{what}: {type(error).__name__}: {message}{_place_of(error, what)}"
        ) from error


def _place_of(error: BaseException, file: str) -> str:
    """The innermost line of the plugin's own file, or else of any file that is one."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is `_guarded`
    own = [frame for frame in frames if frame.filename == file]
    others = [frame for frame in frames if not frame.filename.startswith("<")]
    for place in reversed(own or others):
        return f" ({place.filename}:{place.lineno})"
    return ""


def _is_kind_of(value: Any, module: ModuleType) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, Kind)
        and value is not Kind
        and value.__module__ == module.__name__
    )


def _defined_in(function: Any, module: ModuleType) -> bool:
    return getattr(function, "__module__", None) == module.__name__


def served_kinds(plugins: Iterable[Plugin]) -> KindTable:
    """The core's kinds and those of plugins. Raises `PluginError` where two are the same."""
    kinds = KindTable.core()
    for plugin in plugins:
        for kind in plugin.kinds:
            try:
                kinds.add(kind)
            except ValueError as error:
                raise PluginError(f"plugin {plugin.name}: {error}") from error
    return kinds


def upcasters_of(plugins: Iterable[Plugin]) -> Upcasters:
    """The upcasters of all plugins. Raises `PluginError` where two are for the same version."""
    upcasters = Upcasters()
    for plugin in plugins:
        for one in plugin.upcasters:
            try:
                upcasters.add(one)
            except ValueError as error:
                raise PluginError(f"plugin {plugin.name}: {error}") from error
    return upcasters


def check_names(plugins: Sequence[Plugin]) -> None:
    """Raise `PluginError` where two reconcilers share a name (it is the actor of their writes),
    or two projections (their state is kept under it), two HTTP functions a path, or two upcasters a
    version."""
    _check_unique(plugins, "a reconciler named", lambda one: [r.name for r in one.reconcilers])
    _check_unique(plugins, "a projection named", lambda one: [p.name for p in one.projections])
    _check_unique(plugins, "something at", lambda one: [get.path for get in one.http_gets])
    _check_unique(
        plugins,
        "an upcaster of",
        lambda one: [f"{up.kind} {up.api_version}" for up in one.upcasters],
    )


def _check_unique(
    plugins: Iterable[Plugin], what: str, names: Callable[[Plugin], Iterable[str]]
) -> None:
    owners: dict[str, str] = {}
    for plugin in plugins:
        for name in names(plugin):
            if name in owners:
                raise PluginError(
                    f"plugins {owners[name]} and {plugin.name} both bring {what} {name}"
                )
            owners[name] = plugin.name
