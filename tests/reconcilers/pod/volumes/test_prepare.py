import base64
import socket
import stat
from pathlib import Path

import pytest

from kernel.objects.config import ConfigMap, Secret
from kernel.objects.pod import ObjectFieldSelector, Pod
from kernel.objects.volume import (
    ClusterTrustBundleProjection,
    ConfigMapProjection,
    ConfigMapVolumeSource,
    DownwardAPIProjection,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    HostPathVolumeSource,
    KeyToPath,
    NFSVolumeSource,
    ProjectedVolumeSource,
    SecretProjection,
    SecretVolumeSource,
    Volume,
    VolumeProjection,
)
from kernel.reconcilers.pod.configuration.environment import Sources
from kernel.reconcilers.pod.volumes.directories import has_volumes, remove_pod_directory
from kernel.reconcilers.pod.volumes.prepare import MountFailure, prepare_volumes
from tests.reconcilers.pod.made_up import START
from tests.reconcilers.pod.node_under_test import make_pod

SOURCES = Sources(
    config_maps={
        "settings": ConfigMap(
            data={"colour": "blue", "size": "9"},
            binary_data={"raw": base64.b64encode(b"\xff\x00").decode()},
        ),
        "missing": None,
    },
    secrets={"login": Secret(data={"password": base64.b64encode(b"s3cret").decode()})},
)


def _identify(pod: Pod) -> None:
    pod.metadata.uid = "uid1"


def _prepare(volume: Volume, directory: Path, sources: Sources = SOURCES) -> Path:
    pod = make_pod(volumes=[volume], change=_identify)
    return prepare_volumes(pod, directory, sources, START, may_mount=True).paths[volume.name]


def _config_map(**fields: object) -> Volume:
    source = ConfigMapVolumeSource(name="settings", **fields)  # type: ignore[arg-type]
    return Volume(name="data", config_map=source)


def _files(path: Path) -> dict[str, bytes]:
    names = sorted(entry.name for entry in path.iterdir() if not entry.name.startswith(".."))
    return {name: (path / name).read_bytes() for name in names if (path / name).is_file()}


@pytest.mark.parametrize(
    "volume", [Volume(name="data"), Volume(name="data", empty_dir=EmptyDirVolumeSource())]
)
def test_an_empty_dir_is_everybodys_and_keeps_its_content(volume: Volume, tmp_path: Path) -> None:
    path = _prepare(volume, tmp_path)
    assert path == tmp_path / "uid1" / "volumes" / "data"
    assert stat.S_IMODE(path.stat().st_mode) == 0o777
    (path / "file").write_text("kept")
    assert _files(_prepare(volume, tmp_path)) == {"file": b"kept"}


def test_nothing_is_left_of_a_pod(tmp_path: Path) -> None:
    _prepare(Volume(name="data"), tmp_path)
    _prepare(_config_map(), tmp_path)
    assert has_volumes(tmp_path, "uid1")
    remove_pod_directory(tmp_path, "uid1")
    assert list(tmp_path.iterdir()) == []
    remove_pod_directory(tmp_path, "uid1")


def _make(kind: str, path: Path) -> None:
    if kind == "directory":
        path.mkdir()
    elif kind == "file":
        path.touch()
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))


@pytest.mark.parametrize(
    ("type", "there", "refusal"),
    [
        ("", "nothing", ""),
        ("", "file", ""),
        ("Directory", "directory", ""),
        ("Directory", "nothing", "is not a directory"),
        ("Directory", "file", "is not a directory"),
        ("DirectoryOrCreate", "nothing", ""),
        ("DirectoryOrCreate", "file", "is not a directory"),
        ("File", "file", ""),
        ("File", "nothing", "is not a file"),
        ("File", "directory", "is not a file"),
        ("FileOrCreate", "nothing", ""),
        ("FileOrCreate", "directory", "is not a file"),
        ("Socket", "socket", ""),
        ("Socket", "file", "is not a socket file"),
        ("CharDevice", "file", "is not a character device"),
        ("BlockDevice", "file", "is not a block device"),
    ],
)
def test_host_path_types(
    type: str, there: str, refusal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A socket's path must be short: bind it from inside the directory.
    monkeypatch.chdir(tmp_path)
    _make(there, Path("it"))
    path = tmp_path / "it"
    volume = Volume(name="data", host_path=HostPathVolumeSource(path=str(path), type=type or None))
    message = ""
    try:
        assert _prepare(volume, tmp_path / "pods") == path
    except MountFailure as failure:
        message = str(failure)
    expected = (
        f'MountVolume.SetUp failed for volume "data" : hostPath type check failed: {path} {refusal}'
    )
    assert message == (expected if refusal else "")
    if type.endswith("OrCreate") and not refusal:
        assert path.is_dir() == type.startswith("Directory")


def test_a_config_map_becomes_files(tmp_path: Path) -> None:
    path = _prepare(_config_map(), tmp_path)
    assert _files(path) == {"colour": b"blue", "size": b"9", "raw": b"\xff\x00"}
    assert stat.S_IMODE((path / "colour").stat().st_mode) == 0o644


def test_items_choose_keys_paths_and_modes(tmp_path: Path) -> None:
    items = [
        KeyToPath(key="colour", path="deep/er/colour.txt", mode=0o600),
        KeyToPath(key="size", path="size"),
    ]
    path = _prepare(_config_map(items=items, default_mode=0o640), tmp_path)
    assert (path / "deep" / "er" / "colour.txt").read_text() == "blue"
    assert stat.S_IMODE((path / "deep/er/colour.txt").stat().st_mode) == 0o600
    assert stat.S_IMODE((path / "size").stat().st_mode) == 0o640
    assert not (path / "raw").exists()


def test_changed_content_replaces_all_files_at_once(tmp_path: Path) -> None:
    path = _prepare(_config_map(), tmp_path)
    before = (path / "..data").resolve()
    assert _prepare(_config_map(), tmp_path) == path
    assert (path / "..data").resolve() == before
    changed = Sources(config_maps={"settings": ConfigMap(data={"colour": "red", "new": "x"})})
    _prepare(_config_map(), tmp_path, changed)
    assert _files(path) == {"colour": b"red", "new": b"x"}
    assert not before.exists()
    assert not (path / "size").is_symlink()


@pytest.mark.parametrize(
    ("volume", "reason"),
    [
        (
            Volume(name="data", config_map=ConfigMapVolumeSource(name="missing")),
            'configmap "missing" not found',
        ),
        (
            Volume(name="data", secret=SecretVolumeSource(secret_name="none")),
            'secret "none" not found',
        ),
        (
            _config_map(items=[KeyToPath(key="none", path="x")]),
            "configmap references non-existent config key: none",
        ),
        (
            Volume(
                name="data",
                secret=SecretVolumeSource(
                    secret_name="login", items=[KeyToPath(key="none", path="x")]
                ),
            ),
            "references non-existent secret key: none",
        ),
        (
            Volume(name="data", nfs=NFSVolumeSource(server="a", path="/b")),
            "volume type nfs is not supported by podkernel",
        ),
        (
            Volume(
                name="data",
                projected=ProjectedVolumeSource(
                    sources=[
                        VolumeProjection(
                            cluster_trust_bundle=ClusterTrustBundleProjection(path="ca.pem")
                        )
                    ]
                ),
            ),
            "projected source clusterTrustBundle is not supported by podkernel",
        ),
        (
            _config_map(items=[KeyToPath(key="colour", path="../x")]),
            'path "../x" must be relative and must not contain ".."',
        ),
    ],
)
def test_volumes_that_cannot_be_made(volume: Volume, reason: str, tmp_path: Path) -> None:
    with pytest.raises(MountFailure) as raised:
        _prepare(volume, tmp_path)
    assert str(raised.value) == f'MountVolume.SetUp failed for volume "data" : {reason}'


def test_what_is_optional_may_be_missing(tmp_path: Path) -> None:
    source = ConfigMapVolumeSource(name="missing", optional=True)
    assert _files(_prepare(Volume(name="data", config_map=source), tmp_path)) == {}


def test_a_secret_becomes_files(tmp_path: Path) -> None:
    volume = Volume(name="data", secret=SecretVolumeSource(secret_name="login"))
    assert _files(_prepare(volume, tmp_path)) == {"password": b"s3cret"}


def test_facts_about_the_pod_become_files(tmp_path: Path) -> None:
    item = DownwardAPIVolumeFile(
        path="name", field_ref=ObjectFieldSelector(field_path="metadata.name")
    )
    volume = Volume(name="data", downward_api=DownwardAPIVolumeSource(items=[item]))
    assert _files(_prepare(volume, tmp_path)) == {"name": b"web"}


def test_a_projected_volume_merges_its_sources(tmp_path: Path) -> None:
    item = DownwardAPIVolumeFile(
        path="name", field_ref=ObjectFieldSelector(field_path="metadata.name")
    )
    items = [KeyToPath(key="colour", path="colour")]
    projected = ProjectedVolumeSource(
        sources=[
            VolumeProjection(config_map=ConfigMapProjection(name="settings", items=items)),
            VolumeProjection(secret=SecretProjection(name="login")),
            VolumeProjection(downward_api=DownwardAPIProjection(items=[item])),
        ]
    )
    path = _prepare(Volume(name="data", projected=projected), tmp_path)
    assert _files(path) == {"colour": b"blue", "name": b"web", "password": b"s3cret"}
