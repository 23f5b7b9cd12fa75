"""Keys that rotate, and other programs that verify by the key set that we publish."""

import json
import time
import urllib.request

import jwt

from case import PASSWORD, USERNAME, expect, expect_greeting
from tokens import (
    CLAIMS,
    MISSING,
    assemble,
    changed,
    claims_of,
    from_base64url,
    header_of,
    tampered,
)

# Cached keys are stale after a second, and a case that waits for that logs in again and again.
VARIABLES = {"KEYS_MAX_AGE": "1", "SESSION_LIMIT": "100"}

FUNCTION = "2015-03-31/functions/local-admin/invocations"
ROTATION_SECONDS = 30
PAUSE_SECONDS = 0.2

# What a public key says, and what it may say besides by its type.
MEMBERS = {"kty", "kid", "alg", "use"}
NUMBERS = {"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "RSA": {"n", "e"}}

# API Gateway's own authorizer reads no larger key set.
MAX_KEY_SET_BYTES = 150_000


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def operate(stack, command, **members):
    """What an operator does: invokes the admin function."""
    event = json.dumps({"command": f"keys.{command}", **members}).encode()
    request = urllib.request.Request(f"{stack.aws}/{FUNCTION}", event, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        body = json.load(answer)
        assert "X-Amz-Function-Error" not in answer.headers, body
        return body


def current_key(ring):
    (current,) = (key["kid"] for key in ring["keys"] if key["state"] == "current")
    return current


def published_keys(stack):
    return expect(stack.get("/.well-known/jwks.json"))["keys"]


def kids_of(keys):
    return [key["kid"] for key in keys]


def publish_next(stack):
    """The ring with a next key, once the key set has it."""
    ring = operate(stack, "maintain")
    wait_until_public(stack, ring)
    return ring


def rotate(stack):
    """The key that signs after a rotation, once the key set has the one after it."""
    ring = operate(stack, "rotate", force=True)
    wait_until_public(stack, ring)
    return current_key(ring)


def wait_until_public(stack, ring):
    def public():
        return kids_of(published_keys(stack)) == kids_of(ring["keys"]) or None

    wait_for(public)


def log_in(case):
    credentials = {"username": USERNAME, "password": PASSWORD}
    return expect(case.stack.post("/login", credentials))["access_token"]


def token_after_a_rotation(case):
    """A token that the key signed which the rotation promoted."""
    kid = rotate(case.stack)

    def signed():
        token = log_in(case)
        return token if header_of(token)["kid"] == kid else None

    return wait_for(signed)


def wait_for(look):
    end = time.monotonic() + ROTATION_SECONDS
    while True:
        found = look()
        if found is not None:
            return found
        assert time.monotonic() < end, f"timed out waiting for {look.__name__}"
        time.sleep(PAUSE_SECONDS)


def the_key_set_is_the_ring(case):
    """In its order, with public members alone, and a token's key among them."""
    ring = publish_next(case.stack)["keys"]
    keys = published_keys(case.stack)
    assert kids_of(keys) == kids_of(ring), keys
    assert [key["state"] for key in ring] == ["current", "next"], ring
    for key in keys:
        assert set(key) == MEMBERS | NUMBERS[key["kty"]], key
        assert key["alg"] == header_of(case.access)["alg"], key
        assert key["use"] == "sig", key
    assert header_of(case.access)["kid"] == keys[0]["kid"]


def the_metadata_have_the_issuer_byte_for_byte(case):
    metadata = fetch(f"{case.stack.url}/.well-known/openid-configuration")
    assert f'"issuer":"{case.stack.url}"'.encode() in metadata, metadata
    assert claims_of(case.access)["iss"] == case.stack.url
    assert case.jwks_uri == f"{case.stack.url}/.well-known/jwks.json"


class CountingClient(jwt.PyJWKClient):
    """PyJWT's client, which counts how often it asks for the key set."""

    fetches = 0

    def fetch_data(self):
        self.fetches += 1
        return super().fetch_data()

    def takes(self, case, token):
        claims = jwt.decode(
            token,
            self.get_signing_key_from_jwt(token).key,
            algorithms=[header_of(case.access)["alg"]],
            issuer=case.issuer,
            audience=case.issuer,
            options={"require": list(CLAIMS)},
        )
        assert claims["sub"] == case.user, claims


def pyjwt_follows_rotations_by_kid(case):
    """The next key is in a client's cache before it signs; one that never saw it asks once more."""
    usual = CountingClient(case.jwks_uri)
    # By itself it asks for unknown keys no sooner than half a minute after the last time.
    eager = CountingClient(case.jwks_uri, cooldown_duration=0)
    tokens = [case.access]
    for client in (usual, eager):
        client.takes(case, case.access)

    tokens.append(token_after_a_rotation(case))
    for client in (usual, eager):
        for token in tokens:
            client.takes(case, token)
        assert client.fetches == 1, client.fetches

    tokens.append(token_after_a_rotation(case))
    assert len({header_of(token)["kid"] for token in tokens}) == 3
    for token in tokens * 2:
        eager.takes(case, token)
    assert eager.fetches == 2, eager.fetches
    newcomer = CountingClient(case.jwks_uri)
    for token in tokens:
        newcomer.takes(case, token)
        expect_greeting(case.stack.get("/protected", token))
        expect(case.stack.get("/workitems", token))
    assert newcomer.fetches == 1, newcomer.fetches
    # Who has cached the key set goes on with what is there.
    for token in tokens[:2]:
        usual.takes(case, token)
    assert usual.fetches == 1, usual.fetches


def jose_takes_tokens_of_every_key(case):
    for token in (case.access, token_after_a_rotation(case)):
        claims = case.jose.ask(
            "verify",
            token=token,
            jwksUri=case.jwks_uri,
            algorithms=[header_of(case.access)["alg"]],
            issuer=case.issuer,
            audience=case.issuer,
            typ="at+jwt",
            requiredClaims=CLAIMS,
        )
        assert claims["sub"] == case.user, claims


class JwtAuthorizer:
    """What API Gateway documents of its own authorizer, which keeps a key set for two hours."""

    def __init__(self, issuer, audience):
        self._issuer, self._audience = issuer, audience
        metadata = json.loads(fetch(f"{issuer}/.well-known/openid-configuration"))
        assert metadata["issuer"] == issuer, metadata
        key_set = fetch(metadata["jwks_uri"])
        assert len(key_set) <= MAX_KEY_SET_BYTES, len(key_set)
        self._keys = json.loads(key_set)["keys"]

    def authorize(self, token):
        """The claims of a token, or an exception."""
        header = jwt.get_unverified_header(token)
        keys = [
            key
            for key in self._keys
            if key["kty"] == "RSA"
            and key["kid"] == header.get("kid")
            and key["alg"] == header["alg"]
            and key["use"] == "sig"
        ]
        if len(keys) != 1:
            raise jwt.InvalidKeyError("no such key")
        return jwt.decode(
            token,
            jwt.PyJWK(keys[0]).key,
            algorithms=["RS256", "RS384", "RS512"],
            issuer=self._issuer,
            audience=self._audience,
            options={"require": ["iss", "aud", "exp", "nbf", "iat"]},
        )


def api_gateways_own_authorizer_follows_rotations(case):
    """With the keys that it has kept, and with those that it reads two rotations later."""
    kept = JwtAuthorizer(case.issuer, case.issuer)
    before = log_in(case)
    after = token_after_a_rotation(case)
    for token in (case.access, before, after):
        assert kept.authorize(token)["sub"] == case.user
    later = token_after_a_rotation(case)
    renewed = JwtAuthorizer(case.issuer, case.issuer)
    for token in (case.access, before, after, later):
        assert renewed.authorize(token)["sub"] == case.user


def its_emulation_refuses_what_it_should(case):
    """So that what it takes means something."""
    authorizer = JwtAuthorizer(case.issuer, case.issuer)
    authorizer.authorize(case.access)

    def with_changes(header, claims):
        genuine = from_base64url(case.access.rsplit(".", 1)[1])
        header = changed(header_of(case.access), header)
        return assemble(header, changed(claims_of(case.access), claims), lambda _message: genuine)

    assert with_changes({}, {}) == case.access
    for name, token in {
        "a refresh token": case.refresh,
        "another signature": tampered(case.access),
        "another subject": with_changes({}, {"sub": "nobody"}),
        "another key": with_changes({"kid": "other"}, {}),
        "no key": with_changes({"kid": MISSING}, {}),
        "another algorithm": with_changes({"alg": "RS512"}, {}),
    }.items():
        assert refuses(authorizer, token), name
    assert refuses(JwtAuthorizer(case.issuer, "https://other.example.com"), case.access)


def refuses(authorizer, token):
    try:
        authorizer.authorize(token)
    except jwt.PyJWTError:
        return True
    return False
