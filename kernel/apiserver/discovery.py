"""Discovery: which groups, versions and kinds there are, in the aggregated and the legacy form."""

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from kernel.apiserver.negotiation import media_types
from kernel.apiserver.old_versions import stored_as
from kernel.apiserver.served_kinds import Kinds, verbs_of
from kernel.apiserver.subresources import subresources_of
from kernel.objects.kind import KindInfo

Document = dict[str, Any]


def aggregated_version(accept: str) -> str | None:
    """`v2` or `v2beta1` where the client prefers aggregated discovery to the legacy one."""
    for media_type in media_types(accept):
        parameters = media_type.parameters
        if parameters.get("as") == "APIGroupDiscoveryList":
            version = parameters.get("v", "")
            if parameters.get("g") == "apidiscovery.k8s.io" and version in ("v2", "v2beta1"):
                return version
        elif media_type.name in ("application/json", "*/*"):
            return None
    return None


def aggregated_content_type(version: str) -> str:
    """What the answer must call itself, letter for letter."""
    return f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"


def aggregated(kinds: Kinds, version: str, *, core: bool) -> Document:
    """The APIGroupDiscoveryList of `/api` (`core`) or of `/apis`."""
    groups = [(group, versions) for group, versions in kinds.groups() if (group == "") is core]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group, "creationTimestamp": None},
                "versions": [
                    {
                        "version": group_version,
                        "resources": [
                            _aggregated_resource(info)
                            for info in infos_of(kinds, group, group_version)
                        ],
                        "freshness": "Current",
                    }
                    for group_version in versions
                ],
            }
            for group, versions in groups
        ],
    }


def infos_of(kinds: Kinds, group: str, version: str) -> list[KindInfo]:
    """The kinds of one group and version, by plural."""
    infos = (kind.info for kind in kinds)
    found = [info for info in infos if info.group == group and info.version == version]
    return sorted(found, key=lambda info: info.plural)


def _aggregated_resource(info: KindInfo) -> Document:
    resource: Document = {
        "resource": info.plural,
        "responseKind": {"group": info.group, "version": info.version, "kind": info.kind},
        "scope": "Namespaced" if info.namespaced else "Cluster",
        "singularResource": info.singular,
        "verbs": verbs_of(info),
    }
    if info.short_names:
        resource["shortNames"] = list(info.short_names)
    if info.categories:
        resource["categories"] = list(info.categories)
    subresources = [
        {
            "subresource": subresource.name,
            "responseKind": {
                "group": subresource.group or info.group,
                "version": subresource.version or info.version,
                "kind": subresource.kind or info.kind,
            },
            "verbs": list(subresource.verbs),
        }
        for subresource in subresources_of(info)
    ]
    if subresources:
        resource["subresources"] = subresources
    return resource


def _storage_version_hash(info: KindInfo) -> str:
    """Changes when objects of a kind are stored under another version; made as Kubernetes does."""
    digest = hashlib.sha256(f"{info.group}/{info.version}/{info.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def core_versions(server_address: str) -> Document:
    """The APIVersions of `/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [
            {"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}
        ],
    }


def group_list(kinds: Kinds) -> Document:
    """The APIGroupList of `/apis`."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, versions) for name, versions in kinds.groups() if name],
    }


def group(kinds: Kinds, name: str) -> Document | None:
    """The APIGroup of `/apis/GROUP`."""
    for known, versions in kinds.groups():
        if known == name and name:
            return {"kind": "APIGroup", "apiVersion": "v1"} | _group(name, versions)
    return None


def _group(name: str, versions: Sequence[str]) -> Document:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def resource_list(kinds: Kinds, group: str, version: str) -> Document | None:
    """The APIResourceList of `/api/v1` or `/apis/GROUP/VERSION`."""
    infos = infos_of(kinds, group, version)
    if not infos:
        return None
    resources = [resource for info in infos for resource in _resources(info)]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": resources,
    }


def _resources(info: KindInfo) -> list[Document]:
    main: Document = {
        "name": info.plural,
        "singularName": info.singular,
        "namespaced": info.namespaced,
        "kind": info.kind,
        "verbs": verbs_of(info),
    }
    if "watch" in main["verbs"]:
        main["storageVersionHash"] = _storage_version_hash(stored_as(info))
    if info.short_names:
        main["shortNames"] = list(info.short_names)
    if info.categories:
        main["categories"] = list(info.categories)
    found = [main]
    for subresource in subresources_of(info):
        entry: Document = {
            "name": f"{info.plural}/{subresource.name}",
            "singularName": "",
            "namespaced": info.namespaced,
            "kind": subresource.kind or info.kind,
            "verbs": list(subresource.verbs),
        }
        if subresource.version:
            entry |= {"group": subresource.group, "version": subresource.version}
        found.append(entry)
    return found
