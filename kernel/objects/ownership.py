"""Owner references: what makes one object belong to another."""

from kernel.objects.kind import Kind
from kernel.objects.meta import OwnerReference


def controlled_by(owner: Kind) -> OwnerReference:
    """A reference that makes `owner` the controller of the object that carries it: changes of the
    object lead to reconciles of the owner, and it is deleted when the owner is gone."""
    return OwnerReference(
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )
