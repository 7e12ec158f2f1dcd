"""The images that tests run, made on this machine without a network, kept in a cache.

All but `pause` hold Debian's static busybox. The last two stand for those of the javaweb Pod: one
carries /sample.war, the other serves what lies in Tomcat's webapps directory on port 8080.
"""

import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PAUSE_IMAGE = "localhost/pause:test"
BUSYBOX_IMAGE = "docker.io/library/busybox:latest"
WAR_IMAGE = "docker.io/geektime/sample:v2"
TOMCAT_IMAGE = "docker.io/geektime/tomcat:7.0"

BUSYBOX_PATH = Path("/bin/busybox")
_PAUSE_SOURCE = Path(__file__).with_name("pause.c")
_TOMCAT_ROOT = "root/apache-tomcat-7.0.42-v2"
_TOMCAT_START = f"""\
#!/bin/sh
# Unpacks each .war as Tomcat does, then serves the directory.
cd /{_TOMCAT_ROOT}/webapps || exit 1
for war in *.war; do
  [ -e "$war" ] && mkdir -p "${{war%.war}}" && unzip -o -q "$war" -d "${{war%.war}}"
done
exec httpd -f -p 8080 -h /{_TOMCAT_ROOT}/webapps
"""
_INDEX = "<html><body>sample: served from a WAR that an init container brought</body></html>\n"

File = tuple[bytes, int]
"""A file's content and its mode; a mode of zero is a symbolic link to the content."""


def image_archive() -> Path:
    """An archive in OCI's layout that holds all images, made where the cache has none."""
    sources = [Path(__file__), _PAUSE_SOURCE, BUSYBOX_PATH]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    archive = _cache_directory() / f"images-{digest[:16]}.tar"
    if not archive.exists():
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=archive.parent, delete=False) as scratch:
            scratch.write(_layout(_images()))
        # In one step: another test run may be making the same archive.
        os.replace(scratch.name, archive)
    return archive


def _cache_directory() -> Path:
    cache_home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache_home) / "podkernel-tests"


def _images() -> dict[str, tuple[dict[str, File], dict[str, Any]]]:
    """From an image's name to its files and its configuration."""
    busybox = dict(_busybox_files())
    shell = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
    start_script = (_TOMCAT_START.encode(), 0o755)
    return {
        PAUSE_IMAGE: ({"pause": (_compiled_pause(), 0o755)}, {"Entrypoint": ["/pause"]}),
        BUSYBOX_IMAGE: (busybox, {**shell, "Cmd": ["sh"]}),
        WAR_IMAGE: (busybox | {"sample.war": (_war(), 0o644)}, shell),
        TOMCAT_IMAGE: (busybox | {f"{_TOMCAT_ROOT}/bin/start.sh": start_script}, shell),
    }


def _compiled_pause() -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        binary = Path(scratch, "pause")
        options = ["-static", "-Os", "-s"]
        subprocess.run(["gcc", *options, "-o", str(binary), str(_PAUSE_SOURCE)], check=True)
        return binary.read_bytes()


def _busybox_files() -> Iterator[tuple[str, File]]:
    yield "bin/busybox", (BUSYBOX_PATH.read_bytes(), 0o755)
    listed = subprocess.run([BUSYBOX_PATH, "--list"], check=True, capture_output=True, text=True)
    for applet in listed.stdout.split():
        if applet != "busybox":
            yield f"bin/{applet}", (b"busybox", 0)
    yield "etc/passwd", (b"root:x:0:0:root:/root:/bin/sh\n", 0o644)
    yield "etc/group", (b"root:x:0:\n", 0o644)


def _war() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as war:
        war.writestr(zipfile.ZipInfo("index.html"), _INDEX)
        war.writestr(zipfile.ZipInfo("WEB-INF/web.xml"), "<web-app/>\n")
    return content.getvalue()


def _layout(images: Mapping[str, tuple[Mapping[str, File], Mapping[str, Any]]]) -> bytes:
    """OCI's image layout as a tar: blobs named by their digests, and an index of the images."""
    blobs: dict[str, File] = {}

    def add(content: bytes) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = (content, 0o644)
        return {"digest": f"sha256:{digest}", "size": len(content)}

    manifests = []
    for name, (files, config) in images.items():
        layer = add(_tar({**files, "tmp/": (b"", 0o1777)}))
        described = add(_json(_image_config(config, str(layer["digest"]))))
        manifest = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **described},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", **layer}],
        }
        manifests.append(
            {
                "mediaType": manifest["mediaType"],
                **add(_json(manifest)),
                "annotations": {"io.containerd.image.name": name},
            }
        )
    blobs["oci-layout"] = (_json({"imageLayoutVersion": "1.0.0"}), 0o644)
    blobs["index.json"] = (_json({"schemaVersion": 2, "manifests": manifests}), 0o644)
    return _tar(blobs)


def _image_config(config: Mapping[str, Any], layer_digest: str) -> dict[str, object]:
    machine = os.uname().machine
    return {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
    }


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


def _tar(files: Mapping[str, File]) -> bytes:
    """A tar with the directories that the files need; a name that ends in / is a directory."""
    content = io.BytesIO()
    directories: set[str] = set()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for path, (data, mode) in files.items():
            for parent in reversed(Path(path).parents[:-1]):
                if str(parent) not in directories:
                    directories.add(str(parent))
                    _add(tar, str(parent), tarfile.DIRTYPE, 0o755)
            if path.endswith("/"):
                _add(tar, path.rstrip("/"), tarfile.DIRTYPE, mode)
            elif mode == 0:
                _add(tar, path, tarfile.SYMTYPE, 0o777, link=data.decode())
            else:
                _add(tar, path, tarfile.REGTYPE, mode, data)
    return content.getvalue()


def _add(
    tar: tarfile.TarFile, name: str, kind: bytes, mode: int, data: bytes = b"", *, link: str = ""
) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(data)
    tar.addfile(entry, io.BytesIO(data))
