"""Key rotation, and other libraries that verify with the published key set."""

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

# Cached keys are stale after 1 s. Checks that wait for new keys log in repeatedly.
VARIABLES = {"KEYS_MAX_AGE": "1", "SESSION_LIMIT": "100"}

FUNCTION = "2015-03-31/functions/local-admin/invocations"
ROTATION_SECONDS = 30
PAUSE_SECONDS = 0.2

# Members of every public key, and those of its type.
MEMBERS = {"kty", "kid", "alg", "use"}
NUMBERS = {"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "RSA": {"n", "e"}}

# API Gateway's JWT authorizer refuses larger key sets.
MAX_KEY_SET_BYTES = 150_000


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def operate(stack, command, **members):
    """Invokes the admin function."""
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
    """Publishes a next key. Returns the ring once the key set has it."""
    ring = operate(stack, "maintain")
    wait_until_public(stack, ring)
    return ring


def rotate(stack):
    """Rotates. Returns the id of the new current key once the new next key is published."""
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
    """Rotates. Returns a token that the promoted key signed."""
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


def the_key_set_matches_the_ring(case):
    """It has the order of the ring, only public members, and the signing key first."""
    ring = publish_next(case.stack)["keys"]
    keys = published_keys(case.stack)
    assert kids_of(keys) == kids_of(ring), keys
    assert [key["state"] for key in ring] == ["current", "next"], ring
    for key in keys:
        assert set(key) == MEMBERS | NUMBERS[key["kty"]], key
        assert key["alg"] == header_of(case.access)["alg"], key
        assert key["use"] == "sig", key
    assert header_of(case.access)["kid"] == keys[0]["kid"]


def the_metadata_contain_the_exact_issuer(case):
    metadata = fetch(f"{case.stack.url}/.well-known/openid-configuration")
    assert f'"issuer":"{case.stack.url}"'.encode() in metadata, metadata
    assert claims_of(case.access)["iss"] == case.stack.url
    assert case.jwks_uri == f"{case.stack.url}/.well-known/jwks.json"


class CountingClient(jwt.PyJWKClient):
    """PyJWT's client, with a counter of key set fetches."""

    fetches = 0

    def fetch_data(self):
        self.fetches += 1
        return super().fetch_data()

    def verify(self, case, token):
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
    """A client caches the next key before it signs, and fetches again only for an unknown `kid`."""
    usual = CountingClient(case.jwks_uri)
    # By default it fetches for an unknown `kid` at most every 30 s.
    eager = CountingClient(case.jwks_uri, cooldown_duration=0)
    tokens = [case.access]
    for client in (usual, eager):
        client.verify(case, case.access)

    tokens.append(token_after_a_rotation(case))
    for client in (usual, eager):
        for token in tokens:
            client.verify(case, token)
        assert client.fetches == 1, client.fetches

    tokens.append(token_after_a_rotation(case))
    assert len({header_of(token)["kid"] for token in tokens}) == 3
    for token in tokens * 2:
        eager.verify(case, token)
    assert eager.fetches == 2, eager.fetches
    new = CountingClient(case.jwks_uri)
    for token in tokens:
        new.verify(case, token)
        expect_greeting(case.stack.get("/protected", token))
        expect(case.stack.get("/workitems", token))
    assert new.fetches == 1, new.fetches
    # A client with a cached key set keeps verifying.
    for token in tokens[:2]:
        usual.verify(case, token)
    assert usual.fetches == 1, usual.fetches


def jose_accepts_tokens_of_every_key(case):
    for token in (case.access, token_after_a_rotation(case)):
        claims = case.jose.call(
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
    """API Gateway's JWT authorizer as documented. It caches the key set for two hours."""

    def __init__(self, issuer, audience):
        self._issuer, self._audience = issuer, audience
        metadata = json.loads(fetch(f"{issuer}/.well-known/openid-configuration"))
        assert metadata["issuer"] == issuer, metadata
        key_set = fetch(metadata["jwks_uri"])
        assert len(key_set) <= MAX_KEY_SET_BYTES, len(key_set)
        self._keys = json.loads(key_set)["keys"]

    def authorize(self, token):
        """Verifies a token. Returns the claims."""
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


def the_jwt_authorizer_follows_rotations(case):
    """With cached keys, and with keys that it fetches two rotations later."""
    cached = JwtAuthorizer(case.issuer, case.issuer)
    before = log_in(case)
    after = token_after_a_rotation(case)
    for token in (case.access, before, after):
        assert cached.authorize(token)["sub"] == case.user
    later = token_after_a_rotation(case)
    renewed = JwtAuthorizer(case.issuer, case.issuer)
    for token in (case.access, before, after, later):
        assert renewed.authorize(token)["sub"] == case.user


def the_emulated_jwt_authorizer_refuses_bad_tokens(case):
    """Otherwise its acceptance proves nothing."""
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
        "another subject": with_changes({}, {"sub": "unknown"}),
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
