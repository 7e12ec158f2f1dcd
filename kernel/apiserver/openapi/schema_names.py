"""The names that schemas have in OpenAPI documents: Kubernetes' for its kinds and their parts."""

import sys

from kernel.objects.kind import Kind

META_PREFIX = "io.k8s.apimachinery.pkg.apis.meta.v1"
META_MODULES = ("kernel.objects.meta", "kernel.objects.table")
_OWN_MODULES = "kernel.objects."

# Groups whose Go packages do not stand in k8s.io/api.
_OTHER_PACKAGES = {
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "metrics.k8s.io": "io.k8s.metrics.pkg.apis.metrics",
}

# Modules without kinds whose structs are parts of such as are not core ones.
_PARTS_OF_OTHERS = {"kernel.objects.json_schema": ("apiextensions.k8s.io", "v1")}


def schema_name(struct: type) -> str:
    """The name of a struct's schema: `io.k8s.api.core.v1.PodSpec`, `dev.example.v1.WebsiteSpec`."""
    if struct.__module__ in META_MODULES:
        return f"{META_PREFIX}.{struct.__name__}"
    if issubclass(struct, Kind):
        group, version = struct.info.group, struct.info.version
    else:
        group, version = _group_and_version(struct.__module__)
    return f"{_package(struct.__module__, group)}.{version}.{struct.__name__}"


def _package(module: str, group: str) -> str:
    if group in _OTHER_PACKAGES:
        return _OTHER_PACKAGES[group]
    if group and not module.startswith(("kernel.objects.", "kernel.apiserver.")):
        return ".".join(reversed(group.split(".")))
    return f"io.k8s.api.{group.partition('.')[0] or 'core'}"


def _group_and_version(module: str) -> tuple[str, str]:
    """Those of the kinds that a module defines; a module without kinds has parts of core ones."""
    if module in _PARTS_OF_OTHERS:
        return _PARTS_OF_OTHERS[module]
    for value in vars(sys.modules[module]).values():
        is_kind = isinstance(value, type) and issubclass(value, Kind) and value is not Kind
        if is_kind and value.__module__ == module:
            return value.info.group, value.info.version
    return ("", "v1") if module.startswith(_OWN_MODULES) else (module, "v1")
