"""What makes a struct a kind: its group, version, names, scope and kubectl columns."""

import re
from typing import Any, ClassVar, dataclass_transform

import msgspec

from kernel.objects.meta import ObjectMeta
from kernel.objects.struct import Struct, StructMeta


class Column(msgspec.Struct, frozen=True):
    """One column of `kubectl get`.

    `path` is a dotted path of wire names from the object's top (`spec.replicas`). `type` is
    OpenAPI's (string, integer, number, boolean, date). Columns with `priority` above 0 show only
    with `-o wide`.
    """

    name: str
    path: str
    type: str = "string"
    priority: int = 0
    description: str = ""


class KindInfo(msgspec.Struct, frozen=True):
    """How the API knows a kind. `plural` is its path segment; `namespaced` its scope.

    Objects of a kind that `has_generation` count the changes of what is asked of them; those that
    `has_status` have the subresource status, and those that `has_scale` keep a number of Pods that
    clients may change by the subresource scale. `selectable_fields` are dotted paths that
    definitions let clients select by, and `deprecation` is what users of the version are warned of.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    columns: tuple[Column, ...] = ()
    has_status: bool = False
    has_generation: bool = False
    has_scale: bool = False
    list_kind: str = ""
    selectable_fields: tuple[str, ...] = ()
    deprecation: str = ""

    @property
    def api_version(self) -> str:
        """`v1` for the core group, else `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified_plural(self) -> str:
        """`pods` for the core group, else `websites.example.dev`, as error messages have it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def key_prefix(self, namespace: str | None = None) -> str:
        """The prefix of the store keys of all objects of this kind, or of those in a namespace."""
        start = f"/{self.group or 'core'}/{self.plural}/"
        return start if namespace is None else f"{start}{namespace}/"

    def key(self, namespace: str, name: str) -> str:
        """The store key of one object; `namespace` is empty for cluster-scoped kinds."""
        return f"/{self.group or 'core'}/{self.plural}/{namespace}/{name}"


_VERSION = re.compile(r"v(?P<major>\d{1,9})(?:(?P<stability>alpha|beta)(?P<minor>\d{1,9}))?")


def version_priority(version: str) -> tuple[int, int, int, str]:
    """Orders versions as Kubernetes does: v2, v1, v2beta1, v1beta2, v1alpha1, then all others by
    name ("Versions in CustomResourceDefinitions" in its documentation)."""
    match = _VERSION.fullmatch(version)
    if match is None:
        return 3, 0, 0, version
    stability = {None: 0, "beta": 1, "alpha": 2}[match["stability"]]
    return stability, -int(match["major"]), -int(match["minor"] or 0), version


def _plural_of(singular: str) -> str:
    if singular.endswith(("s", "x", "z", "ch", "sh")):
        return singular + "es"
    if singular.endswith("y") and singular[-2:-1] not in "aeiou":
        return singular[:-1] + "ies"
    return singular + "s"


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class KindMeta(StructMeta):
    """Turns the class keywords of a kind into its `KindInfo` and its two constant fields."""

    def __new__(
        metaclass,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        *,
        group: str = "",
        version: str = "",
        plural: str = "",
        short_names: tuple[str, ...] = (),
        categories: tuple[str, ...] = (),
        namespaced: bool = True,
        columns: tuple[Column, ...] | list[Column] = (),
        has_scale: bool = False,
        **options: Any,
    ) -> Any:
        if not version:  # the base class itself
            return super().__new__(metaclass, name, bases, namespace, **options)
        has_status = "status" in namespace.get("__annotations__", {})
        info = KindInfo(
            group=group,
            version=version,
            kind=name,
            plural=plural or _plural_of(name.lower()),
            singular=name.lower(),
            short_names=tuple(short_names),
            categories=tuple(categories),
            namespaced=namespaced,
            columns=tuple(columns),
            has_status=has_status,
            has_generation=has_status,
            has_scale=has_scale,
            list_kind=f"{name}List",
        )
        annotations = namespace.setdefault("__annotations__", {})
        annotations |= {"api_version": str, "kind": str}
        # Factories, because a plain default would be left out on the wire.
        namespace |= {
            "api_version": msgspec.field(default_factory=lambda: info.api_version),
            "kind": msgspec.field(default_factory=lambda: info.kind),
        }
        cls = super().__new__(metaclass, name, bases, namespace, **options)
        cls.info = info
        return cls


class Kind(Struct, metaclass=KindMeta):
    """The base of every kind of object.

    ```python
    class Website(Kind, group="example.dev", version="v1"):
        spec: WebsiteSpec
        status: WebsiteStatus | None = None
    ```
    """

    info: ClassVar[KindInfo]

    form_since_revision: ClassVar[int] = 0
    """What was stored before may have another form than the kind has now."""

    api_version: str = ""
    """Group and version of the kind, apps/v1 say."""
    kind: str = ""
    """Name of the kind, as written in a manifest."""
    metadata: ObjectMeta = msgspec.field(default_factory=ObjectMeta)
    """Name, namespace, labels and all else that every object has."""
