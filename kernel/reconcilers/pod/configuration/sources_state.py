"""Telling whether what a Pod's configuration refers to has changed (pure)."""

from collections.abc import Mapping

import msgspec

from kernel.objects.config import ConfigMap, Secret
from kernel.objects.pod import Pod
from kernel.reconcilers.pod.configuration.environment import Sources


class SourcesState(msgspec.Struct, frozen=True):
    """What the configuration of a Pod is made of, without the content: another state may give
    another configuration, the same one never does. Revisions are None where there is no object.
    """

    config_maps: Mapping[str, str | None]
    secrets: Mapping[str, str | None]
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    generation: int
    tokens: Mapping[str, str]


def state_of(pod: Pod, sources: Sources) -> SourcesState:
    """The state that `sources` were read in (pure)."""
    return SourcesState(
        config_maps=_revisions(sources.config_maps),
        secrets=_revisions(sources.secrets),
        labels=pod.metadata.labels,
        annotations=pod.metadata.annotations,
        generation=pod.metadata.generation,
        tokens={name: token.token for name, token in sources.tokens.items()},
    )


def _revisions(
    objects: Mapping[str, ConfigMap | None] | Mapping[str, Secret | None],
) -> Mapping[str, str | None]:
    return {
        name: found.metadata.resource_version if found is not None else None
        for name, found in objects.items()
    }
