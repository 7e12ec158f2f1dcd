"""A patch of any of the three types, applied to an object as it is stored."""

from typing import Any

import msgspec

from kernel.api.client import KindType, PatchType
from kernel.api.errors import UnsupportedMediaType
from kernel.api.field_validation import FieldValidation, read_object
from kernel.api.patch import apply_json_patch, apply_merge_patch
from kernel.api.stored import Stored
from kernel.api.strategic_merge import apply_strategic_patch
from kernel.objects.custom_object import CustomObject


def patched(
    kind: type[KindType],
    present: Stored,
    patch: Any,
    patch_type: PatchType,
    validation: FieldValidation,
) -> tuple[KindType, list[str]]:
    """The object after the patch, and what to warn of. Raises `BadRequest` or `Invalid` where the
    patch can't be applied or its result is no object of the kind, `UnsupportedMediaType` for a
    strategic merge of custom objects, whose schemas don't say how. A resourceVersion in the patch
    becomes the object's, and so a precondition."""
    document = msgspec.json.decode(present.wire())
    if patch_type == "json":
        document = apply_json_patch(document, patch)
    elif patch_type == "merge":
        document = apply_merge_patch(document, patch)
    elif issubclass(kind, CustomObject):
        raise UnsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, "
            "application/apply-patch+yaml"
        )
    else:
        document = apply_strategic_patch(document, patch, kind)
    return read_object(kind, document, validation)
