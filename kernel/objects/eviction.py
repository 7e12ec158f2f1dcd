"""Eviction (policy/v1): asks for the end of a Pod where that may be refused; never stored."""

from kernel.objects.kind import Kind
from kernel.objects.meta import DeleteOptions


class Eviction(Kind, group="policy", version="v1"):
    """Asks that the Pod of the same name gives its place up."""

    delete_options: DeleteOptions | None = None
    """How the Pod is deleted."""
