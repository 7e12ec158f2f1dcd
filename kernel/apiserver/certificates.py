"""The server's certificate and the certificate authority that signs it, kept in `<data>/pki`.

The authority lives for ten years and is made once, so that a kubeconfig stays good; the server's
certificate lives for one year and is made again when it is about to end, when the names it must
answer to have changed, or when it was not signed by the authority that is there.
"""

import ipaddress
import os
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kernel.api.private_file import write_private
from kernel.clock import Clock, now_timestamp

CERTIFICATE_AUTHORITY_DAYS = 3650
SERVER_DAYS = 365
RENEW_BEFORE_DAYS = 30

# A clock that is behind ours must not find our certificates not yet valid.
CLOCK_SKEW = timedelta(hours=1)

# The address of Service `kubernetes`, by which clients in Pods reach the server.
SERVICE_ADDRESS = "10.96.0.1"

STANDARD_NAMES = (
    "localhost",
    "127.0.0.1",
    "::1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    SERVICE_ADDRESS,
)


class Certificates(msgspec.Struct, frozen=True):
    """Where the PEM files are; the keys have mode 0600."""

    authority: Path
    server: Path
    server_key: Path

    def server_context(self) -> ssl.SSLContext:
        """What a TLS server needs. Clients may show a certificate of the same authority; with one
        of another authority no connection comes about."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.server, self.server_key)
        context.load_verify_locations(self.authority)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context


def prepare_authority(directory: Path, clock: Clock) -> str:
    """The authority's certificate in PEM, made where it is missing or about to end. Raises
    `OSError` where `directory` can't be written."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, _ = _authority(directory, now_timestamp(clock))
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def prepare_certificates(directory: Path, listen_host: str, clock: Clock) -> Certificates:
    """The certificates of a server that listens on `listen_host`, made where they are missing,
    about to end, or for other names. Raises `OSError` where `directory` can't be written."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = now_timestamp(clock)
    names = _subject_names(listen_host)
    authority = _authority(directory, now)
    server = _load(directory / "server.crt", directory / "server.key")
    if server is None or not _is_usable(server[0], authority[0], names, now):
        server = _make_server(authority, names, now)
        _save(server, directory / "server.crt", directory / "server.key")
    return Certificates(
        authority=directory / "ca.crt",
        server=directory / "server.crt",
        server_key=directory / "server.key",
    )


Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _authority(directory: Path, now: datetime) -> Pair:
    authority = _load(directory / "ca.crt", directory / "ca.key")
    if authority is None or not _is_fresh(authority[0], now):
        authority = _make_authority(now)
        _save(authority, directory / "ca.crt", directory / "ca.key")
    return authority


def _subject_names(listen_host: str) -> list[x509.GeneralName]:
    wildcards = {"", "0.0.0.0", "::"}
    hosts = [*STANDARD_NAMES, socket.gethostname()]
    if listen_host not in wildcards:
        hosts.append(listen_host)
    return [_general_name(host) for host in dict.fromkeys(hosts)]


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _load(certificate_path: Path, key_path: Path) -> Pair | None:
    """What is in the two files, or None where they are missing, broken or don't belong together."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        return None
    if key.public_key() != certificate.public_key():
        return None
    return certificate, key


def _is_fresh(certificate: x509.Certificate, now: datetime) -> bool:
    renewal = certificate.not_valid_after_utc - timedelta(days=RENEW_BEFORE_DAYS)
    return certificate.not_valid_before_utc <= now < renewal


def _is_usable(
    certificate: x509.Certificate,
    authority: x509.Certificate,
    names: Iterable[x509.GeneralName],
    now: datetime,
) -> bool:
    if not _is_fresh(certificate, now):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except Exception:  # whatever is wrong with it, a new one is the answer
        return False
    return set(found.value) == set(names)


def _make_authority(now: datetime) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "podkernel-ca")])
    usage = _key_usage(signs_certificates=True)
    certificate = (
        _builder(name, name, key, now, CERTIFICATE_AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def _make_server(authority: Pair, names: list[x509.GeneralName], now: datetime) -> Pair:
    authority_certificate, authority_key = authority
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "podkernel-apiserver")])
    server_use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    certificate = (
        _builder(subject, authority_certificate.subject, key, now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(server_use, critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    return certificate, key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - CLOCK_SKEW)
        .not_valid_after(now.astimezone(UTC) + timedelta(days=days))
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _save(pair: Pair, certificate_path: Path, key_path: Path) -> None:
    certificate, key = pair
    key_bytes = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(key_path, key_bytes)
    write_private(certificate_path, certificate.public_bytes(serialization.Encoding.PEM))
    os.chmod(certificate_path, 0o644)
