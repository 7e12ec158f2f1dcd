"""What the API fills in of custom objects, and what it refuses: as their schema says."""

from kernel.api.custom_resources.defaulting import defaulted
from kernel.api.kind_rules import KindRules
from kernel.objects.custom_object import CustomObject
from kernel.objects.kind import Kind


def default_object(obj: CustomObject) -> None:
    """Fill in the defaults of the schema."""
    obj.content = defaulted(obj.content, obj.schema())


RULES: dict[type[Kind], KindRules] = {CustomObject: KindRules(default=default_object)}
