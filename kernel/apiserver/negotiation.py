"""Which form a client asks for in its Accept header: the object, a Table, metadata alone."""

from enum import Enum
from functools import lru_cache

import msgspec

from kernel.api.errors import ApiError


class NotAcceptable(ApiError):
    """The client takes no form that the server has."""

    reason, code = "NotAcceptable", 406


class Form(Enum):
    """How objects are put on the wire."""

    OBJECT = "object"
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"


class Answer(msgspec.Struct, frozen=True):
    """What was agreed on: the form and, for Table and metadata, its `meta.k8s.io` version."""

    form: Form
    version: str = "v1"

    @property
    def api_version(self) -> str:
        """The apiVersion of the Table or metadata object."""
        return f"meta.k8s.io/{self.version}"


class MediaType(msgspec.Struct, frozen=True):
    """One alternative of an Accept header: `application/json` and its parameters."""

    name: str
    parameters: dict[str, str]


@lru_cache(maxsize=256)
def media_types(accept: str) -> tuple[MediaType, ...]:
    """The alternatives in the order of preference that they are written in.

    `q` weights are not looked at: Kubernetes' clients write their alternatives best first.
    """
    found = []
    for alternative in accept.split(","):
        name, *parameters = (part.strip() for part in alternative.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters)
        found.append(MediaType(name.lower(), {key.strip(): value for key, _, value in pairs}))
    return tuple(found)


_JSON_TYPES = {"application/json", "application/*", "*/*", ""}
_FORMS = {
    "": Form.OBJECT,
    "Table": Form.TABLE,
    "PartialObjectMetadata": Form.METADATA,
    "PartialObjectMetadataList": Form.METADATA,
}
_OBJECT = Answer(Form.OBJECT)


@lru_cache(maxsize=256)
def negotiate(accept: str) -> Answer:
    """The first alternative that can be served. Raises `NotAcceptable` where there is none."""
    for media_type in media_types(accept):
        if media_type.name not in _JSON_TYPES:
            continue
        form = _FORMS.get(media_type.parameters.get("as", ""))
        version = media_type.parameters.get("v", "v1")
        if form is Form.OBJECT:
            return _OBJECT
        if form is not None and version in ("v1", "v1beta1"):
            return Answer(form, version)
    raise NotAcceptable(
        "only the following media types are accepted: application/json, "
        "application/json;as=Table, application/json;as=PartialObjectMetadata"
    )
