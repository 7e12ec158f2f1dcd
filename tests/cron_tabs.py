"""The CronTab of Kubernetes' documentation, and its definition, as clients send them."""

from typing import Any

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CRON_TABS = "/apis/stable.example.com/v1/namespaces/default/crontabs"

SPEC: dict[str, Any] = {
    "type": "object",
    "properties": {
        "cronSpec": {"type": "string"},
        "image": {"type": "string"},
        "replicas": {"type": "integer"},
    },
}


def version(name: str = "v1", *, storage: bool = True, **fields: Any) -> dict[str, Any]:
    """One version, with the schema of the documentation's example unless another is given."""
    schema = {"type": "object", "properties": {"spec": SPEC, "status": {"type": "object"}}}
    described = {"name": name, "served": True, "storage": storage}
    return described | {"schema": {"openAPIV3Schema": schema}} | fields


def with_schema(**properties: Any) -> dict[str, Any]:
    """A version whose objects have these properties."""
    return version(schema={"openAPIV3Schema": {"type": "object", "properties": properties}})


def definition(*versions: dict[str, Any], scope: str = "Namespaced", **names: Any) -> Any:
    """The CustomResourceDefinition of CronTabs."""
    known = {"plural": "crontabs", "singular": "crontab", "kind": "CronTab", "shortNames": ["ct"]}
    known |= names
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{known['plural']}.stable.example.com"},
        "spec": {
            "group": "stable.example.com",
            "scope": scope,
            "names": known,
            "versions": list(versions) or [version()],
        },
    }


def cron_tab(name: str = "web", *, api_version: str = "v1", **fields: Any) -> dict[str, Any]:
    """A CronTab."""
    spec = {"cronSpec": "* * * * */5", "image": "my-awesome-cron-image"}
    return {
        "apiVersion": f"stable.example.com/{api_version}",
        "kind": "CronTab",
        "metadata": {"name": name},
        "spec": spec,
    } | fields
