"""Keys of every algorithm, in every form in which a program may want one."""

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
    """A private key for one algorithm: one of `cryptography`'s, or the bytes of a shared secret."""

    algorithm: str
    private: Any
    kid: str = "ours"

    @property
    def is_shared(self):
        return self.algorithm in SHARED

    @property
    def public(self):
        """What verifies."""
        return self.private if self.is_shared else self.private.public_key()

    def sign(self, message):
        return jwt.get_algorithm_by_name(self.algorithm).sign(message, self.private)

    def siblings(self):
        """The same key in the other algorithms that it could be used for."""
        kind = next((kind for kind in (SHARED, RSA) if self.algorithm in kind), ())
        return [replace(self, algorithm=other) for other in kind if other != self.algorithm]

    def misencoded(self):
        """What makes signatures that are the key's but not in the form of JWS, by name."""
        if self.algorithm in CURVES:
            ecdsa = ec.ECDSA(self._digest())
            return {"a DER signature": lambda message: self.private.sign(message, ecdsa)}
        if self.algorithm.startswith("PS"):
            digest = self._digest()
            pss = padding.PSS(padding.MGF1(digest), salt_length=0)
            return {"no salt": lambda message: self.private.sign(message, pss, digest)}
        return {}

    def _digest(self):
        return jwt.get_algorithm_by_name(self.algorithm).hash_alg()

    def jwk(self):
        return self._jwk(self.private)

    def public_jwk(self):
        return self._jwk(self.public)

    def _jwk(self, half):
        members = jwt.get_algorithm_by_name(self.algorithm).to_jwk(half, as_dict=True)
        # `use` says it, and RFC 7517 §4.3 wants only one of the two.
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
    return Key(algorithm, _private_half(algorithm, owner))


def _private_half(algorithm, owner):
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    if algorithm in RSA:
        return _rsa_key(owner)
    if algorithm in SHARED:
        # Text, because it has to fit into an environment variable; 86 bytes do for each of them.
        return secrets.token_urlsafe(64).encode()
    return ed25519.Ed25519PrivateKey.generate()


@cache
def _rsa_key(owner):
    """One for each owner and all algorithms: to make one takes longer than to try it."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
