"""The kubeconfig that lets kubectl in: server, authority, token, one context named podkernel."""

import base64
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from kernel.api.private_file import write_private

NAME = "podkernel"


def served_address(path: Path) -> tuple[str, int] | None:
    """Host and port of the server in a file that was written here; None where there is none."""
    try:
        config = msgspec.json.decode(path.read_bytes())
        url = urlsplit(config["clusters"][0]["cluster"]["server"])
        return (url.hostname, url.port) if url.hostname and url.port else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def write_kubeconfig(path: Path, *, url: str, authority: Path | None, token: str) -> None:
    """Write the file with mode 0600, atomically. It is JSON, which every YAML reader reads.

    `authority` is the PEM file of the certificate authority; None where `url` is plain HTTP.
    """
    cluster = {"server": url}
    if authority is not None:
        cluster["certificate-authority-data"] = base64.b64encode(authority.read_bytes()).decode()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": {"token": token}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "current-context": NAME,
    }
    text = msgspec.json.format(msgspec.json.encode(config), indent=2)
    write_private(path, text + b"\n")
