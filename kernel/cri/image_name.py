"""Image names as people write them, made whole the way Docker, Kubernetes and containerd do."""

import re

from kernel.cri.runtime import InvalidImageName

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?")
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
_IMAGE_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_NAME_LENGTH_MAX = 255


def whole_image_name(text: str) -> str:
    """`busybox` becomes `docker.io/library/busybox:latest`; an image's id stays as it is.

    A name with a digest loses its tag, as the digest alone decides. Raises `InvalidImageName`.
    """
    if _IMAGE_ID.fullmatch(text):
        return text
    rest, at, digest = text.partition("@")
    name, tag = _split_tag(rest)
    domain, path = _split_domain(name)
    if (
        not _DOMAIN.fullmatch(domain)
        or not _PATH.fullmatch(path)
        or (tag is not None and not _TAG.fullmatch(tag))
        or (at and not _DIGEST.fullmatch(digest))
        or len(f"{domain}/{path}") > _NAME_LENGTH_MAX
    ):
        raise InvalidImageName(
            f'couldn\'t parse image name "{text}": invalid reference format{_hint(path)}'
        )
    return f"{domain}/{path}@{digest}" if at else f"{domain}/{path}:{tag or 'latest'}"


def image_repository(text: str) -> str:
    """Where an image is from: `busybox:1` is `docker.io/library/busybox`; empty for an image's
    id. Raises `InvalidImageName`."""
    if _IMAGE_ID.fullmatch(text):
        return ""
    return _split_tag(whole_image_name(text).partition("@")[0])[0]


def _split_tag(text: str) -> tuple[str, str | None]:
    """`host:5000/web:v2` into `host:5000/web` and `v2`: a colon before a slash is a port's."""
    before, colon, tag = text.rpartition(":")
    if not colon or "/" in tag:
        return text, None
    return before, tag


def _split_domain(name: str) -> tuple[str, str]:
    """The registry and the path in it; a first part that can't be a host is part of the path."""
    first, slash, rest = name.partition("/")
    is_domain = slash and (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )
    domain, path = (first, rest) if is_domain else ("docker.io", name)
    if domain in ("docker.io", "index.docker.io"):
        domain = "docker.io"
        if "/" not in path:
            path = f"library/{path}"
    return domain, path


def _hint(path: str) -> str:
    return ": repository name must be lowercase" if _PATH.fullmatch(path.lower()) else ""
