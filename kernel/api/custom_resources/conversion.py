"""Custom objects that were stored under another version or an older schema, as they are now."""

from typing import Any

from kernel.api.custom_resources.defaulting import defaulted
from kernel.objects.custom_object import CustomObject
from kernel.objects.pruning import pruned


def present_form(kind: type[CustomObject], document: dict[str, Any]) -> CustomObject:
    """The object in the version of `kind`: pruned, and with the defaults of its schema."""
    obj = kind.of_document(document)
    obj.api_version = kind.info.api_version
    content, _ = pruned(obj.content, kind.schema())
    obj.content = defaulted(content, kind.schema())
    return obj
