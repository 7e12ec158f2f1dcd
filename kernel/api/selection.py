"""What a list, watch or delete-collection asks for: a kind, and selectors over its objects."""

from kernel.api.errors import BadRequest
from kernel.objects.kind import Kind
from kernel.objects.selectors import (
    SelectorError,
    parse_field_selector,
    parse_label_selector,
    supported_fields,
)


class Selection:
    """Selectors as parsed. Raises `BadRequest` for text that is none, or fields that the kind
    does not offer."""

    def __init__(self, kind: type[Kind], label_selector: str = "", field_selector: str = ""):
        try:
            self._labels = parse_label_selector(label_selector)
        except SelectorError as error:
            raise BadRequest(f"unable to parse label selector: {error}") from error
        try:
            self._fields = parse_field_selector(field_selector, supported_fields(kind.info))
        except SelectorError as error:
            raise BadRequest(f"unable to parse field selector: {error}") from error
        self.everything = not self._labels and not self._fields

    @property
    def name(self) -> str | None:
        """The one name that is asked for, where it is one."""
        return self._fields.exact("metadata.name")

    @property
    def namespace(self) -> str | None:
        """The one namespace that is asked for, where it is one."""
        return self._fields.exact("metadata.namespace")

    def matches(self, obj: Kind) -> bool:
        """Whether an object is asked for."""
        return self._labels.matches(obj.metadata.labels) and self._fields.matches(obj)
