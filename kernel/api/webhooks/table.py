"""The webhooks that are configured, in the order in which they are asked, found by request."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from kernel.api.webhooks.matching import RequestSort, matched_info
from kernel.objects.kind import KindInfo
from kernel.objects.meta import LabelSelector
from kernel.objects.selectors import LabelMatcher, label_matcher
from kernel.objects.webhook_configuration import (
    MutatingWebhookConfiguration,
    ValidatingWebhook,
    ValidatingWebhookConfiguration,
)

Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration


class ConfiguredWebhook(msgspec.Struct, frozen=True):
    """A webhook ready to be asked: its selectors are parsed."""

    webhook: ValidatingWebhook
    namespaces: LabelMatcher
    objects: LabelMatcher


class MatchedWebhook(msgspec.Struct, frozen=True):
    """A webhook whose rules match a request, and the kind as which it is to see it."""

    configured: ConfiguredWebhook
    info: KindInfo


class WebhookTable:
    """The webhooks of one sort of configuration. `equivalents` names the other versions of a
    kind."""

    def __init__(self, equivalents: Callable[[KindInfo], Sequence[KindInfo]]):
        self._equivalents = equivalents
        self._configurations: dict[str, tuple[ConfiguredWebhook, ...]] = {}
        self._found: dict[RequestSort, tuple[MatchedWebhook, ...]] = {}

    def __bool__(self) -> bool:
        return bool(self._configurations)

    def put(self, configuration: Configuration) -> None:
        """Take a configuration in, in place of the one of its name."""
        self._configurations[configuration.metadata.name] = tuple(
            ConfiguredWebhook(
                webhook,
                label_matcher(webhook.namespace_selector or LabelSelector()),
                label_matcher(webhook.object_selector or LabelSelector()),
            )
            for webhook in configuration.webhooks
        )
        self._found.clear()

    def remove(self, name: str) -> None:
        """Forget a configuration."""
        self._configurations.pop(name, None)
        self._found.clear()

    def forget_matches(self) -> None:
        """Look again which webhooks match."""
        self._found.clear()

    def find(self, sort: RequestSort) -> tuple[MatchedWebhook, ...]:
        """Those whose rules match, by the name of their configuration and their place in it."""
        found = self._found.get(sort)
        if found is None:
            found = self._found[sort] = tuple(self._matching(sort))
        return found

    def _matching(self, sort: RequestSort) -> Iterable[MatchedWebhook]:
        equivalents = self._equivalents(sort.info)
        for _, webhooks in sorted(self._configurations.items()):
            for configured in webhooks:
                webhook = configured.webhook
                info = matched_info(webhook.rules, webhook.match_policy, sort, equivalents)
                if info is not None:
                    yield MatchedWebhook(configured, info)
