"""The key pair that signs the tokens of ServiceAccounts, and JSON web tokens made with it.

Signatures are ES256 (RFC 7518). Whether a token is still good is not asked here: that takes the
clock and the objects (`kernel.api.service_account_tokens`).
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from kernel.api.errors import Unauthorized
from kernel.api.private_file import write_private

if TYPE_CHECKING:
    from jwt.types import Options

ALGORITHM = "ES256"

_UNCHECKED: "Options" = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
}


class TokenKey:
    """Signs claims, and reads those that it has signed.

    The key's id is the hash of its public half, as Kubernetes names keys.
    """

    def __init__(self, key: ec.EllipticCurvePrivateKey):
        self._key = key
        self._public = key.public_key()
        encoded = self._public.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        digest = hashlib.sha256(encoded).digest()
        self.id = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    @staticmethod
    def load(path: Path) -> "TokenKey":
        """The key in `path`, made there with mode 0600 where there is none that can be used."""
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (FileNotFoundError, ValueError):
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            key = ec.generate_private_key(ec.SECP256R1())
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(path, _pem(key))
        return TokenKey(key)

    def sign(self, claims: dict[str, Any]) -> str:
        """A token that says `claims`."""
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self.id})

    def claims_of(self, token: str) -> dict[str, Any]:
        """What a token says. Raises `Unauthorized` where this key has not signed it."""
        try:
            claims: dict[str, Any] = jwt.decode(
                token, self._public, algorithms=[ALGORITHM], options=_UNCHECKED
            )
        except jwt.InvalidTokenError as error:
            raise Unauthorized(f"invalid bearer token: {error}") from error
        return claims

    def public_key_set(self) -> dict[str, Any]:
        """The public half as a JSON web key set (RFC 7517)."""
        public: dict[str, Any] = json.loads(ECAlgorithm.to_jwk(self._public))
        return {"keys": [public | {"use": "sig", "kid": self.id, "alg": ALGORITHM}]}


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
