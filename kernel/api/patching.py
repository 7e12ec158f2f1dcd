"""A patch of any of the three types, applied to an object as it is stored."""

from typing import Any

import msgspec

from kernel.api.client import PatchType
from kernel.api.errors import BadRequest
from kernel.api.patch import apply_json_patch, apply_merge_patch
from kernel.api.stored import Stored
from kernel.api.strategic_merge import apply_strategic_patch
from kernel.objects.decoding import DecodeFailure, decode
from kernel.objects.kind import Kind


def patched(kind: type[Kind], present: Stored, patch: Any, patch_type: PatchType) -> Any:
    """The object after the patch. Raises `BadRequest` where the patch can't be applied or its
    result is no object of the kind. A resourceVersion in the patch becomes the object's, and so
    a precondition."""
    document = msgspec.json.decode(present.wire())
    if patch_type == "json":
        document = apply_json_patch(document, patch)
    elif patch_type == "merge":
        document = apply_merge_patch(document, patch)
    else:
        document = apply_strategic_patch(document, patch, kind)
    try:
        return decode(kind, document)
    except DecodeFailure as failure:
        raise BadRequest(f"the patch gives no valid {kind.info.kind}: {failure}") from failure
