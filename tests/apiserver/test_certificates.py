"""The certificates: right names, private keys, reused while good, made anew when not."""

import ssl
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from kernel.apiserver.certificates import Certificates, prepare_certificates
from kernel.clock import ManualClock, now_datetime

DAY_SECONDS = 86400


@pytest.fixture
def anyio_backend() -> str:
    """The clock is moved by hand; one loop is enough for that."""
    return "asyncio"


def _server(certificates: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificates.server.read_bytes())


def _authority(certificates: Certificates) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificates.authority.read_bytes())


def test_server_certificate_is_trusted_for_every_standard_name(tmp_path: Path) -> None:
    clock = ManualClock()
    certificates = prepare_certificates(tmp_path, "127.0.0.1", clock)
    builder = PolicyBuilder().store(Store([_authority(certificates)])).time(now_datetime(clock))
    for name in ("localhost", "kubernetes.default.svc", "kubernetes"):
        builder.build_server_verifier(x509.DNSName(name)).verify(_server(certificates), [])
    with pytest.raises(x509.verification.VerificationError):
        builder.build_server_verifier(x509.DNSName("example.org")).verify(_server(certificates), [])


def test_keys_are_private(tmp_path: Path) -> None:
    prepare_certificates(tmp_path, "127.0.0.1", ManualClock())
    for name in ("ca.key", "server.key"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_good_certificates_are_kept(tmp_path: Path) -> None:
    first = _server(prepare_certificates(tmp_path, "127.0.0.1", ManualClock()))
    again = prepare_certificates(tmp_path, "127.0.0.1", ManualClock())
    assert _server(again) == first
    assert isinstance(again.server_context(), ssl.SSLContext)


def test_another_listen_address_makes_a_new_server_certificate(tmp_path: Path) -> None:
    before = prepare_certificates(tmp_path, "127.0.0.1", ManualClock())
    authority, server = _authority(before), _server(before)
    after = prepare_certificates(tmp_path, "192.0.2.7", ManualClock())
    assert _authority(after) == authority
    assert _server(after) != server
    names = _server(after).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "192.0.2.7" in [str(name) for name in names.get_values_for_type(x509.IPAddress)]


@pytest.mark.anyio
async def test_server_certificate_is_renewed_before_its_end(tmp_path: Path) -> None:
    clock = ManualClock()
    before = prepare_certificates(tmp_path, "127.0.0.1", clock)
    authority, server = _authority(before), _server(before)
    await clock.advance(340 * DAY_SECONDS)
    after = prepare_certificates(tmp_path, "127.0.0.1", clock)
    assert _authority(after) == authority
    assert _server(after) != server
    assert _server(after).not_valid_after_utc > now_datetime(clock) + timedelta(days=300)


@pytest.mark.parametrize("name", ["ca.crt", "ca.key", "server.crt", "server.key"])
def test_a_broken_file_is_replaced(tmp_path: Path, name: str) -> None:
    prepare_certificates(tmp_path, "127.0.0.1", ManualClock())
    (tmp_path / name).write_text("broken")
    certificates = prepare_certificates(tmp_path, "127.0.0.1", ManualClock())
    _server(certificates).verify_directly_issued_by(_authority(certificates))
    certificates.server_context()
