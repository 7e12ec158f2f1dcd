"""The manifests of the study notes, as they stand there."""

import json
from pathlib import Path
from typing import Any

import yaml

_DIRECTORY = Path(__file__).with_name("manifests")


def path_of(name: str) -> str:
    """Where the file `name`.yaml is."""
    return str(_DIRECTORY / f"{name}.yaml")


def pod_of_deployment(name: str, pod_name: str) -> str:
    """A Pod as the Deployment in `name`.yaml would make it."""
    deployment: dict[str, Any] = yaml.safe_load(Path(path_of(name)).read_text())
    template = deployment["spec"]["template"]
    metadata = {**template["metadata"], "name": pod_name}
    return json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    )
