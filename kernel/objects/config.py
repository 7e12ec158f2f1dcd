"""ConfigMaps and Secrets (core/v1): data for Pods."""

from kernel.objects.kind import Kind


class ConfigMap(Kind, version="v1", short_names=("cm",)):
    """Text by key; `binary_data` holds base64, under keys that `data` must not have."""

    immutable: bool | None = None
    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}


class Secret(Kind, version="v1"):
    """Bytes by key, as base64 in `data`; `string_data` is plain text, folded into it by a write."""

    immutable: bool | None = None
    data: dict[str, str] = {}
    string_data: dict[str, str] = {}
    type: str = ""
