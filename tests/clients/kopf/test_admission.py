"""kopf's admission handlers: kopf registers them, and serves them on this machine."""

import ipaddress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import kopf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ...command.harness import eventually
from ..conftest import Cluster
from .conftest import Objects, Operator

REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
NAME = "tests.kopf.dev"


def self_signed(directory: Path) -> tuple[Path, Path]:
    """A certificate for loopback and its key, as `kopf.WebhookServer` makes them by itself where
    the package certbuilder works."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kopf")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = directory / "certificate.pem", directory / "key.pem"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate_file, key_file


def test_handlers_change_and_refuse_what_is_written(
    cluster: Cluster, namespace: str, operator: Operator, config_maps: Objects, tmp_path: Path
) -> None:
    notes, registry = operator.notes, operator.registry
    ours = {"of": namespace}

    @kopf.on.mutate("configmaps", operations={"CREATE"}, annotations=ours, registry=registry)
    def complete(patch: kopf.Patch, userinfo: Any, **_: Any) -> None:
        patch.metadata.labels["by"] = userinfo["username"]

    @kopf.on.validate("configmaps", id="check", annotations=ours, registry=registry)
    def check(body: kopf.Body, dryrun: bool, **others: Any) -> None:
        notes.take(others["operation"], dryrun)
        if "wrong" in body.get("data", {}):
            raise kopf.AdmissionError("this is wrong", code=422)

    certificate, key = self_signed(tmp_path)
    server = kopf.WebhookServer(
        addr="127.0.0.1", host="127.0.0.1", certfile=certificate, pkeyfile=key
    )
    settings = {"admission__server": server, "admission__managed": NAME}
    with operator.running(namespace, settings=settings):
        for kind in ("mutating", "validating"):
            eventually(partial(_webhooks, cluster, kind), "kopf has registered its webhooks")
        made = config_maps.create("good", {"data": {"k": "v"}}, annotations=ours)
        assert made["metadata"]["labels"] == {"by": "admin"}
        assert ("CREATE", False) in notes.taken
        with pytest.raises(AssertionError) as refused:
            config_maps.create("bad", {"data": {"wrong": "1"}}, annotations=ours)
        status, body = refused.value.args[0]
        assert status == 422
        denied = f'admission webhook "check.{NAME}" denied the request: this is wrong'
        assert body["message"] == denied
        with pytest.raises(AssertionError, match="this is wrong"):
            config_maps.patch("good", {"data": {"wrong": "1"}})
        config_maps.delete("good")
        assert ("DELETE", False) in notes.taken
    assert not _webhooks(cluster, "validating"), "kopf takes its webhooks back when it ends"


def _webhooks(cluster: Cluster, kind: str) -> list[Any]:
    listed = cluster.api.request("GET", f"{REGISTRATION}/{kind}webhookconfigurations")
    return [hook for item in listed["items"] for hook in item.get("webhooks", ())]
