"""Kinds of the tests' own."""

import msgspec

from kernel.objects.kind import Kind
from kernel.objects.struct import Struct


class WebsiteSpec(Struct):
    pages: int = 0


class WebsiteStatus(Struct):
    ready: bool = False


class Website(Kind, group="example.dev", version="v1"):
    spec: WebsiteSpec = msgspec.field(default_factory=WebsiteSpec)
    status: WebsiteStatus | None = None


class Domain(Kind, group="example.dev", version="v1", namespaced=False):
    """A cluster-scoped kind."""
