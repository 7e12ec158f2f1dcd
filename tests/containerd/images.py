"""The images that tests run, made on this machine without a network, kept in a cache.

All but `pause` hold Debian's static busybox. The others stand for those of the study notes, small
but real: one carries /sample.war, Tomcats serve what lies in their webapps directory on port 8080,
nginx serves a page on port 80, kubia says whom one has hit, and liveness falls ill after 10 s.
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
NGINX_IMAGE = "docker.io/library/nginx:latest"
KUBIA_IMAGE = "docker.io/luksa/kubia:latest"
LIVENESS_IMAGE = "docker.io/library/liveness:latest"

OTHER_NAMES = {
    "docker.io/library/sample:v2": WAR_IMAGE,
    "docker.io/library/tomcat:7.0": TOMCAT_IMAGE,
    "docker.io/library/tomcat:8.5.21-jre8-alpine": TOMCAT_IMAGE,
    "docker.io/library/nginx:1.13.0-alpine": NGINX_IMAGE,
}
"""Further names of these images. A registry asked for `k8s.gcr.io/busybox` or
`daocloud.io/library/nginx` is asked for the same path as one asked for Docker Hub's."""

BUSYBOX_PATH = Path("/bin/busybox")
_PAUSE_SOURCE = Path(__file__).with_name("pause.c")
# Both spellings stand in the notes, the webapps of the second beside the start script of the first.
_TOMCAT_ROOT = "root/apache-tomcat-7.0.42-v2"
_TOMCAT_START = f"""\
#!/bin/sh
# Unpacks each .war as Tomcat does, then serves the directory.
cd /root/apache-tomcat-7.0.42/webapps 2>/dev/null || cd /{_TOMCAT_ROOT}/webapps || exit 1
for war in *.war; do
  [ -e "$war" ] && mkdir -p "${{war%.war}}" && unzip -o -q "$war" -d "${{war%.war}}"
done
exec httpd -f -p 8080 -h .
"""
_NGINX = """\
#!/bin/sh
# Serves a page, and tells the one that serves to end on `nginx -s quit`.
case "$*" in
  *"-s quit"*) exec kill -QUIT "$(cat /var/run/nginx.pid)" ;;
esac
trap 'kill "$server"; echo quit; exit 0' QUIT TERM
echo $$ >/var/run/nginx.pid
httpd -f -p 80 -h /usr/share/nginx/html &
server=$!
wait
"""
_KUBIA = """\
#!/bin/sh
echo "Kubia server starting..."
exec nc -ll -p 8080 -e /answer
"""
_KUBIA_ANSWER = """\
#!/bin/sh
while read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done
body="You've hit $(hostname)"
printf 'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s\\n' $((${#body} + 1)) "$body"
"""
_LIVENESS = """\
#!/bin/sh
date +%s >/started
trap 'kill "$server"; exit 143' TERM
nc -ll -p 8080 -e /answer &
server=$!
wait
"""
_LIVENESS_ANSWER = """\
#!/bin/sh
while read -r line && [ "$line" != "$(printf '\\r')" ]; do :; done
if [ $(($(date +%s) - $(cat /started))) -lt 10 ]; then
  printf 'HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok'
else
  printf 'HTTP/1.1 500 Internal Server Error\\r\\nContent-Length: 4\\r\\n\\r\\nill\\n'
fi
"""
_NGINX_PAGE = "<html><body><h1>Welcome to nginx!</h1></body></html>\n"
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
    own: dict[str, tuple[dict[str, File], dict[str, Any]]] = {
        PAUSE_IMAGE: ({"pause": (_compiled_pause(), 0o755)}, {"Entrypoint": ["/pause"]}),
        BUSYBOX_IMAGE: (busybox, {**shell, "Cmd": ["sh"]}),
        WAR_IMAGE: (busybox | {"sample.war": (_war(), 0o644)}, shell),
        TOMCAT_IMAGE: (
            busybox
            | {
                f"{_TOMCAT_ROOT}/bin/start.sh": _script(_TOMCAT_START),
                f"{_TOMCAT_ROOT}/webapps/": (b"", 0o755),
            },
            {**shell, "Cmd": [f"/{_TOMCAT_ROOT}/bin/start.sh"]},
        ),
        NGINX_IMAGE: (
            busybox
            | {
                "usr/sbin/nginx": _script(_NGINX),
                "usr/share/nginx/html/index.html": (_NGINX_PAGE.encode(), 0o644),
                "var/run/": (b"", 0o755),
            },
            {**shell, "Cmd": ["nginx", "-g", "daemon off;"], "StopSignal": "SIGQUIT"},
        ),
        KUBIA_IMAGE: (
            busybox | {"kubia": _script(_KUBIA), "answer": _script(_KUBIA_ANSWER)},
            {**shell, "Entrypoint": ["/kubia"]},
        ),
        LIVENESS_IMAGE: (
            busybox | {"server": _script(_LIVENESS), "answer": _script(_LIVENESS_ANSWER)},
            shell,
        ),
    }
    return own | {name: own[image] for name, image in OTHER_NAMES.items()}


def _script(text: str) -> File:
    return text.encode(), 0o755


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
