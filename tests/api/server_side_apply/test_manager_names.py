"""Who manages what an actor of the log has written."""

import pytest

from kernel.api.server_side_apply.history import UNKNOWN_MANAGER, manager_name_of


@pytest.mark.parametrize(
    ("actor", "manager"),
    [
        ("admin via kubectl-edit", "kubectl-edit"),
        ("admin via my (own) tool", "my (own) tool"),
        ("scheduler", "scheduler"),
        ("node-agent (exit of container web, readiness probe failed)", "node-agent"),
        ("", UNKNOWN_MANAGER),
        ("x" * 127 + "\u00e9", "x" * 127),
    ],
)
def test_the_manager_is_the_client_or_the_reconciler(actor: str, manager: str) -> None:
    """What a reconciler was called for is no part of its name."""
    assert manager_name_of(actor) == manager
