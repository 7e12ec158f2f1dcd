"""The token, the names a loopback listener answers to, and who a write is put down to."""

import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from kernel.api.errors import Forbidden, Unauthorized
from kernel.api.service_account_tokens import Identity, ServiceAccountTokens
from kernel.apiserver.access.authentication import ANONYMOUS, Authenticator, actor_of, load_token
from kernel.apiserver.access.client_certificates import ClientCertificate
from kernel.clock import ManualClock
from kernel.objects.authentication import UserInfo


class _NoTokens(ServiceAccountTokens):
    """There are no ServiceAccounts."""

    def __init__(self) -> None:
        """Nothing to issue them from."""

    def identify(self, token: str, audiences: Sequence[str] = ()) -> Identity:
        raise Unauthorized("unknown")


def _authenticator(listen_host: str = "127.0.0.1") -> Authenticator:
    return Authenticator(
        "secret",
        user="admin",
        listen_host=listen_host,
        service_accounts=_NoTokens(),
        clock=ManualClock(),
    )


def test_the_token_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "token"
    token = load_token(path)
    assert len(token) >= 32
    assert load_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_tokens_differ(tmp_path: Path) -> None:
    assert load_token(tmp_path / "one") != load_token(tmp_path / "two")


def test_a_certificate_counts_until_it_ends() -> None:
    clock = ManualClock()
    now_seconds = clock.now_nanoseconds() // 1_000_000_000
    jane = UserInfo(username="jane")
    for ends_seconds, is_good in ((now_seconds + 1, True), (now_seconds, False)):
        certificate = ClientCertificate(jane, ends_seconds)
        if is_good:
            found = _authenticator().authenticate("/api", "Bearer secret", certificate)
            assert found == jane
        else:
            with pytest.raises(Unauthorized):
                _authenticator().authenticate("/version", "Bearer secret", certificate)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_right_token_names_the_user(scheme: str) -> None:
    assert _authenticator().authenticate("/api/v1/pods", f"{scheme} secret").username == "admin"


@pytest.mark.parametrize(
    "shown",
    ["", "Bearer", "Bearer wrong", "Bearer secret2", "secret", "Basic c2VjcmV0", "Bearer é"],
)
def test_anything_else_is_refused(shown: str) -> None:
    with pytest.raises(Unauthorized):
        _authenticator().authenticate("/api/v1/pods", shown)


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/version"])
def test_health_and_version_are_open(path: str) -> None:
    assert _authenticator().authenticate(path, "") == ANONYMOUS


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:6443", ""),
        ("localhost", ""),
        ("LOCALHOST:6443", "https://localhost:6443"),
        ("[::1]:6443", ""),
        ("kubernetes.default.svc", ""),
        ("", ""),
    ],
)
def test_a_loopback_listener_answers_to_its_names(host: str, origin: str) -> None:
    _authenticator().check_host(host, origin)


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example:6443", ""),
        ("127.0.0.1.evil.example", ""),
        ("localhost:6443", "https://evil.example"),
        ("[::1", ""),
        ("localhost", "null"),
    ],
)
def test_a_foreign_name_is_refused_each_time(host: str, origin: str) -> None:
    authenticator = _authenticator()
    for _ in range(2):
        with pytest.raises(Forbidden):
            authenticator.check_host(host, origin)


def test_a_public_listener_answers_to_every_name() -> None:
    _authenticator("0.0.0.0").check_host("cluster.example.org", "")
    _authenticator("0.0.0.0").check_host("cluster.example.org:6443", "https://cluster.example.org")


def test_a_public_listener_answers_to_no_page_from_elsewhere() -> None:
    with pytest.raises(Forbidden):
        _authenticator("0.0.0.0").check_host("cluster.example.org", "https://evil.example")


@pytest.mark.parametrize(
    ("user_agent", "field_manager", "actor"),
    [
        ("kubectl/v1.32.0 (linux/amd64) kubernetes/abc", "", "admin via kubectl"),
        ("kubectl/v1.32.0", "kubectl-create", "admin via kubectl-create"),
        ("", "", "admin"),
        ("a\x07b/1", "", "admin via ab"),
    ],
)
def test_the_actor_names_user_and_client(user_agent: str, field_manager: str, actor: str) -> None:
    assert actor_of("admin", user_agent, field_manager) == actor
