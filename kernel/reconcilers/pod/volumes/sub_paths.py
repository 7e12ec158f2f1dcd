"""`subPath`: a part of a volume, mounted alone."""

from collections.abc import Mapping
from pathlib import Path

from kernel.objects.pod import Container
from kernel.reconcilers.pod.environment import ConfigError


def prepare_sub_paths(container: Container, volumes: Mapping[str, Path]) -> None:
    """Make the directories that `subPath` names and that are missing. Raises `ConfigError`."""
    for mount in container.volume_mounts:
        if not mount.sub_path or mount.name not in volumes:
            continue
        root = volumes[mount.name].resolve()
        path = (root / mount.sub_path).resolve()
        if not path.is_relative_to(root):
            raise ConfigError(f'subPath "{mount.sub_path}" leads out of volume "{mount.name}"')
        if not path.exists():
            path.mkdir(parents=True)
