"""Keys of every algorithm and their encodings."""

import secrets
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

SHARED = ("HS256", "HS384", "HS512")
RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1}
ALGORITHMS = (*CURVES, "EdDSA", *RSA, *SHARED)


@dataclass(frozen=True)
class Key:
    """A signing key for one algorithm: a private key of `cryptography` or a shared secret."""

    algorithm: str
    private: Any
    kid: str = "ours"

    @property
    def is_shared(self):
        return self.algorithm in SHARED

    @property
    def public(self):
        """The verification key."""
        return self.private if self.is_shared else self.private.public_key()

    def sign(self, message):
        return jwt.get_algorithm_by_name(self.algorithm).sign(message, self.private)

    def siblings(self):
        """The same key for each other algorithm of its type."""
        kind = next((kind for kind in (SHARED, RSA) if self.algorithm in kind), ())
        return [replace(self, algorithm=other) for other in kind if other != self.algorithm]

    def misencoded(self):
        """Named functions that make valid signatures in an encoding that JWS forbids."""
        if self.algorithm in CURVES:
            ecdsa = ec.ECDSA(self._digest())
            return {"a DER signature": lambda message: self.private.sign(message, ecdsa)}
        if self.algorithm.startswith("PS"):
            digest = self._digest()
            pss = padding.PSS(padding.MGF1(digest), salt_length=0)
            return {"no PSS salt": lambda message: self.private.sign(message, pss, digest)}
        return {}

    def _digest(self):
        return jwt.get_algorithm_by_name(self.algorithm).hash_alg()

    def jwk(self):
        return self._jwk(self.private)

    def public_jwk(self):
        return self._jwk(self.public)

    def _jwk(self, key):
        members = jwt.get_algorithm_by_name(self.algorithm).to_jwk(key, as_dict=True)
        # `use` replaces it: RFC 7517 §4.3 advises against both.
        members.pop("key_ops", None)
        return {**members, "alg": self.algorithm, "kid": self.kid, "use": "sig"}

    def private_pem(self, form):
        return self.private.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

    def public_pem(self):
        return self._spki(Encoding.PEM)

    def public_der(self):
        return self._spki(Encoding.DER)

    def _spki(self, encoding):
        return self.public.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


PEM_FORMS = {
    "PKCS#1": PrivateFormat.TraditionalOpenSSL,
    "SEC1": PrivateFormat.TraditionalOpenSSL,
    "PKCS#8": PrivateFormat.PKCS8,
}


def make_key(algorithm, owner="us"):
    return Key(algorithm, _private_key(algorithm, owner))


def _private_key(algorithm, owner):
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    if algorithm in RSA:
        return _rsa_key(owner)
    if algorithm in SHARED:
        # Text for an environment variable; its 86 bytes are enough for every algorithm.
        return secrets.token_urlsafe(64).encode()
    return ed25519.Ed25519PrivateKey.generate()


@cache
def _rsa_key(owner):
    """One key per owner for all algorithms, because RSA key generation is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
