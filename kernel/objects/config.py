"""ConfigMaps and Secrets (core/v1): data for Pods."""

from kernel.objects.kind import Kind


class ConfigMap(Kind, version="v1", short_names=("cm",)):
    """Text by key; `binary_data` holds base64, under keys that `data` must not have."""

    immutable: bool | None = None
    """Whether the data is fixed for good; then only metadata can be changed. Default: false."""
    data: dict[str, str] = {}
    """Texts by key; keys are letters, digits, -, _ and dots. None may also be in `binaryData`."""
    binary_data: dict[str, str] = {}
    """Bytes by key, in base64."""


class Secret(Kind, version="v1"):
    """Bytes by key, as base64 in `data`; `string_data` is plain text, folded into it by a write."""

    immutable: bool | None = None
    """Whether the data is fixed for good; then only metadata can be changed. Default: false."""
    data: dict[str, str] = {}
    """Secret bytes by key, in base64."""
    string_data: dict[str, str] = {}
    """Secret texts by key, for writing alone: they are put into `data`, and never answered."""
    type: str = ""
    """What the Secret is for, and so which keys it must have; cannot be changed. Default:
    Opaque."""
