"""Tokens of ours in the hands of others, and of others in ours: the same for every algorithm."""

import secrets

from bad_tokens import bad_tokens, expired_tokens
from case import USERNAME, expect, expect_forbidden, expect_greeting, expect_refusal
from keys import make_key
from peers import (
    Refused,
    bearer,
    flask_client,
    flask_verify,
    jose_sign,
    jose_verify,
    pyjwt_sign,
    pyjwt_verify,
)
from tokens import MISSING, assemble, changed, claims_of, header_of, tampered

# How each of them verifies, and what it says of a wrong signature.
VERIFIERS = {
    pyjwt_verify: "InvalidSignatureError",
    flask_verify: "Signature verification failed",
    jose_verify: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
}


def they_find_our_keys(case):
    """Public keys are published whole, shared secrets not at all."""
    keys = [] if case.key.is_shared else [case.key.public_jwk()]
    assert expect(case.stack.get("/.well-known/jwks.json")) == {"keys": keys}
    metadata = expect(case.stack.get("/.well-known/openid-configuration"))
    assert metadata["id_token_signing_alg_values_supported"] == [key["alg"] for key in keys]


def they_take_ours(case):
    """PyJWT, Flask-JWT-Extended and jose verify our access token, and no other signature."""
    for verify, reason in VERIFIERS.items():
        claims = verify(case, case.access)
        found = (claims["sub"], claims["username"], claims["type"])
        assert found == (case.user, USERNAME, "access"), claims
        assert refusal(verify, case, tampered(case.access)) == reason
    # A refresh token is for its issuer alone.
    assert claims_of(case.refresh)["aud"] == f"{case.issuer}#refresh"
    assert refusal(pyjwt_verify, case, case.refresh) == "InvalidAudienceError"
    assert refusal(flask_verify, case, case.refresh) == "Audience doesn't match"
    for typ in ({"typ": "at+jwt"}, {}):
        reason = refusal(jose_verify, case, case.refresh, **typ)
        assert reason == "ERR_JWT_CLAIM_VALIDATION_FAILED"


def refusal(verify, case, token, **options):
    try:
        claims = verify(case, token, **options)
    except Refused as refused:
        return str(refused)
    raise AssertionError(f"{verify.__name__} took {claims}")


def a_flask_service_tells_ours_apart(case):
    """Flask-JWT-Extended reads identity, freshness and type out of our tokens."""
    renewed = expect(case.stack.post("/refresh", token=case.refresh))["access_token"]
    client = flask_client(case)
    for path, token, status, member, value in (
        ("/protected", case.access, 200, "identity", case.user),
        ("/protected", case.access, 200, "username", USERNAME),
        ("/protected", renewed, 200, "identity", case.user),
        ("/protected", case.refresh, 422, "msg", "Audience doesn't match"),
        ("/fresh", case.access, 200, "fresh", True),
        ("/fresh", renewed, 401, "msg", "Fresh token required"),
        ("/refresh", case.access, 422, "msg", "Only refresh tokens are allowed"),
    ):
        answer = client.get(path, headers=bearer(token))
        found = (answer.status_code, answer.json.get(member))
        assert found == (status, value), f"{path}: {answer.json}"
    for setting in ("JWT_DECODE_ISSUER", "JWT_DECODE_AUDIENCE"):
        strange = flask_client(case, **{setting: "https://other.example.com"})
        assert strange.get("/protected", headers=bearer(case.access)).status_code == 422, setting


def we_take_theirs(case):
    """With our key, header and claims any library makes a good token; with less a bad one."""
    header = header_of(case.access)
    stranger = make_key(case.key.algorithm, owner="nobody")
    for sign in (pyjwt_sign, jose_sign):

        def ask(key, change):
            claims = {**claims_of(case.access), "jti": secrets.token_urlsafe(16)}
            token = sign(case, key, changed(header, change), claims)
            return case.stack.get("/protected", token)

        expect_greeting(ask(case.key, {}), sign.__name__)
        for key, change in (
            (case.key, {"kid": MISSING}),
            (case.key, {"kid": "other"}),
            (case.key, {"typ": MISSING}),
            (case.key, {"typ": "JWT"}),
            (stranger, {}),
        ):
            name = f"{sign.__name__} {change}"
            expect_refusal(ask(key, change), name, "invalid_token")


def a_token_that_is_repeated_is_one(case):
    """And two that differ are refused, whichever of them is good."""
    for other, status in ((case.access, 200), (tampered(case.access), 400)):
        for pair in ((case.access, other), (other, case.access)):
            answer = case.stack.get("/protected", ", Bearer ".join(pair))
            assert answer.status == status, answer
    # An empty element of a list says nothing (RFC 9110, section 5.6.1).
    expect_greeting(case.stack.get("/protected", f"{case.access},"))


def we_refuse_bad_tokens(case):
    """Each of them by the guard and by the authorizer."""
    key, header, claims = case.key, header_of(case.access), claims_of(case.access)
    expect_greeting(case.stack.get("/protected", assemble(header, claims, key.sign)))
    refused = {"invalid_token": bad_tokens, "token_expired": expired_tokens}
    for code, tokens in refused.items():
        for name, token in tokens(key, header, claims):
            expect_refusal(case.stack.get("/protected", token), name, code)
            expect_forbidden(case.stack.get("/workitems", token), name)
    # The last of them has not taken anything down.
    expect_greeting(case.stack.get("/protected", case.access))
