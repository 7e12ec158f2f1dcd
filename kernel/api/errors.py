"""The API's failures: each carries the reason and code that the wire has for it."""

from collections.abc import Sequence

from kernel.objects.meta import Status, StatusCause, StatusDetails


class ApiError(Exception):
    """A request that was refused. `status()` is the metav1.Status to answer with."""

    reason = "InternalError"
    code = 500

    def __init__(self, message: str, *, details: StatusDetails | None = None):
        super().__init__(message)
        self.message = message
        self.details = details

    def status(self) -> Status:
        """The failure as Kubernetes would write it."""
        return Status(
            message=self.message, reason=self.reason, code=self.code, details=self.details
        )


class BadRequest(ApiError):
    """The request itself makes no sense: unknown fields, a malformed patch, a bad selector."""

    reason, code = "BadRequest", 400


class Unauthorized(ApiError):
    """The request says not, or not credibly, who makes it."""

    reason, code = "Unauthorized", 401


class Forbidden(ApiError):
    """The request is understood and refused."""

    reason, code = "Forbidden", 403


class NotFound(ApiError):
    """There is no such object."""

    reason, code = "NotFound", 404

    @classmethod
    def of(cls, plural: str, name: str) -> "NotFound":
        """`pods "web" not found`; `plural` may be qualified with its group."""
        return cls(f'{plural} "{name}" not found', details=_details(plural, name))


class MethodNotAllowed(ApiError):
    """The kind does not offer this verb."""

    reason, code = "MethodNotAllowed", 405


class AlreadyExists(ApiError):
    """An object of that name is there."""

    reason, code = "AlreadyExists", 409

    @classmethod
    def of(cls, plural: str, name: str) -> "AlreadyExists":
        """`pods "web" already exists`."""
        return cls(f'{plural} "{name}" already exists', details=_details(plural, name))


class Conflict(ApiError):
    """The object is not in the state that the request expects."""

    reason, code = "Conflict", 409

    @classmethod
    def modified(cls, plural: str, name: str) -> "Conflict":
        """Somebody else has written the object since it was read."""
        return cls(
            f'Operation cannot be fulfilled on {plural} "{name}": the object has been modified; '
            "please apply your changes to the latest version and try again",
            details=_details(plural, name),
        )


class Expired(ApiError):
    """The revision asked for has been compacted away. A list in pages can go on, as of now, with
    `continue_token`."""

    reason, code = "Expired", 410

    def __init__(self, message: str, *, continue_token: str = ""):
        super().__init__(message)
        self.continue_token = continue_token

    def status(self) -> Status:
        status = super().status()
        status.metadata.continue_ = self.continue_token
        return status


class RevisionTooLarge(ApiError):
    """The revision asked for has not been written yet."""

    reason, code = "Timeout", 504

    @classmethod
    def of(cls, revision: int, newest_revision: int) -> "RevisionTooLarge":
        """In Kubernetes' words, by which its clients know that they may try again."""
        cause = StatusCause(reason="ResourceVersionTooLarge", message="Too large resource version")
        return cls(
            f"Timeout: Too large resource version: {revision}, current: {newest_revision}",
            details=StatusDetails(causes=[cause], retry_after_seconds=1),
        )


class RequestEntityTooLarge(ApiError):
    """The request, or what it would have stored, is larger than is taken."""

    reason, code = "RequestEntityTooLarge", 413

    @classmethod
    def of_stored(
        cls, plural: str, name: str, size_bytes: int, limit_bytes: int
    ) -> "RequestEntityTooLarge":
        """The object that the request leads to is larger than what is stored may be."""
        return cls(
            f'Request entity too large: {plural} "{name}" would be {size_bytes} bytes as stored: '
            f"limit is {limit_bytes}",
            details=_details(plural, name),
        )


class UnsupportedMediaType(ApiError):
    """The body is of a type that is not understood."""

    reason, code = "UnsupportedMediaType", 415


class Invalid(ApiError):
    """The object breaks rules of its kind; `details.causes` lists them field by field."""

    reason, code = "Invalid", 422

    @classmethod
    def of(cls, group: str, kind: str, name: str, causes: Sequence[StatusCause]) -> "Invalid":
        """`Pod "web" is invalid: spec.containers: Required value`; several causes in brackets."""
        parts = [f"{cause.field}: {cause.message}" for cause in causes]
        listed = parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"
        qualified = f"{kind}.{group}" if group else kind
        return cls(
            f'{qualified} "{name}" is invalid: {listed}',
            details=StatusDetails(name=name, group=group, kind=kind, causes=list(causes)),
        )


class UnreadableObject(ApiError):
    """What is stored under a key can't be understood any more: its kind has changed and no upcaster
    leads from what is stored to what the kind is now, or its bytes are none of ours."""

    reason = "StorageReadError"

    def __init__(self, key: str, revision: int, api_version: str, problem: str):
        super().__init__(
            f"{key} at revision {revision} can't be read: it is stored as "
            f"{api_version or 'nothing known'}, and {problem}"
        )
        self.key = key
        self.revision = revision


class InsufficientStorage(ApiError):
    """The store can't take the write: the disk or the map is full."""

    reason, code = "InsufficientStorage", 507


def _details(qualified_plural: str, name: str) -> StatusDetails:
    plural, _, group = qualified_plural.partition(".")
    return StatusDetails(name=name, group=group, kind=plural)
