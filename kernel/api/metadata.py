"""Metadata rules: what the server sets, and what nobody may change."""

from datetime import datetime, timedelta

from kernel.api.errors import BadRequest, Conflict
from kernel.clock import Clock, now_timestamp
from kernel.objects.kind import Kind
from kernel.objects.meta import ObjectMeta

# No vowels and no characters that look alike, so that no suffix reads as a word (as Kubernetes).
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_GENERATED_NAME_LENGTH_MAX = 63


def prepare_create(obj: Kind, namespace: str, clock: Clock) -> None:
    """Fill in the metadata of a new object; what only the server may say is replaced.

    Raises `BadRequest` where the object names a namespace other than the request's, or a
    resourceVersion.
    """
    metadata = obj.metadata
    if metadata.resource_version:
        raise BadRequest("resourceVersion should not be set on objects to be created")
    require_namespace(metadata, namespace)
    metadata.namespace = namespace
    if not metadata.name and metadata.generate_name:
        metadata.name = generate_name(metadata.generate_name, clock)
    metadata.uid = clock.uuid()
    metadata.creation_timestamp = now_timestamp(clock)
    metadata.generation = 1 if obj.info.has_generation else 0
    metadata.deletion_timestamp = None
    metadata.deletion_grace_period_seconds = None
    metadata.self_link = ""


def generate_name(prefix: str, clock: Clock) -> str:
    """A name that starts with `prefix` and ends with five random characters."""
    suffix = "".join(clock.choice(_SUFFIX_ALPHABET) for _ in range(_SUFFIX_LENGTH))
    return prefix[: _GENERATED_NAME_LENGTH_MAX - _SUFFIX_LENGTH] + suffix


def require_namespace(metadata: ObjectMeta, namespace: str) -> None:
    """Raise `BadRequest` where the object says another namespace than the request."""
    if metadata.namespace and metadata.namespace != namespace:
        raise BadRequest(
            f"the namespace of the provided object does not match the namespace sent on the "
            f"request: {metadata.namespace!r} is not {namespace!r}"
        )


def prepare_update(obj: Kind, old: Kind, plural: str) -> None:
    """Carry over what an update can't change. Raises `BadRequest`; `Conflict` for another uid."""
    new, present = obj.metadata, old.metadata
    require_namespace(new, present.namespace)
    if new.name and new.name != present.name:
        raise BadRequest(
            f"the name of the object ({new.name}) does not match the name on the URL "
            f"({present.name})"
        )
    if new.uid and new.uid != present.uid:
        raise Conflict(
            f'Operation cannot be fulfilled on {plural} "{present.name}": Precondition failed: '
            f"UID in precondition: {new.uid}, UID in object meta: {present.uid}"
        )
    new.name, new.namespace, new.uid = present.name, present.namespace, present.uid
    new.generate_name = present.generate_name
    new.creation_timestamp = present.creation_timestamp
    new.deletion_timestamp = present.deletion_timestamp
    new.deletion_grace_period_seconds = present.deletion_grace_period_seconds
    new.generation = present.generation
    new.self_link = ""
    if not new.managed_fields:
        new.managed_fields = present.managed_fields


def mark_deleted(metadata: ObjectMeta, grace_seconds: int, clock: Clock) -> bool:
    """Set deletionTimestamp `grace_seconds` ahead, or bring it nearer; answers whether that
    changed anything. A deletion that is under way can be made shorter, never longer."""
    if metadata.deletion_timestamp is not None:
        present = metadata.deletion_grace_period_seconds or 0
        if grace_seconds >= present:
            return False
        started: datetime = metadata.deletion_timestamp - timedelta(seconds=present)
    else:
        started = now_timestamp(clock)
    metadata.deletion_timestamp = started + timedelta(seconds=grace_seconds)
    metadata.deletion_grace_period_seconds = grace_seconds
    if metadata.generation:
        metadata.generation += 1
    return True
