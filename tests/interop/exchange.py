"""Tokens from Latchkey to other libraries and back, for every algorithm."""

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

# The verifiers and their errors for a wrong signature.
VERIFIERS = {
    pyjwt_verify: "InvalidSignatureError",
    flask_verify: "Signature verification failed",
    jose_verify: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
}


def public_keys_are_published(case):
    """Shared secrets are not published."""
    keys = [] if case.key.is_shared else [case.key.public_jwk()]
    assert expect(case.stack.get("/.well-known/jwks.json")) == {"keys": keys}
    metadata = expect(case.stack.get("/.well-known/openid-configuration"))
    assert metadata["id_token_signing_alg_values_supported"] == [key["alg"] for key in keys]


def libraries_verify_our_tokens(case):
    """PyJWT, Flask-JWT-Extended and jose accept our access token and refuse a wrong signature."""
    for verify, reason in VERIFIERS.items():
        claims = verify(case, case.access)
        found = (claims["sub"], claims["username"], claims["type"])
        assert found == (case.user, USERNAME, "access"), claims
        assert refusal(verify, case, tampered(case.access)) == reason
    # The audience of a refresh token is its issuer.
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
    raise AssertionError(f"{verify.__name__} accepted {claims}")


def flask_reads_identity_freshness_and_type(case):
    """Flask-JWT-Extended reads them from our tokens."""
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
        client = flask_client(case, **{setting: "https://other.example.com"})
        assert client.get("/protected", headers=bearer(case.access)).status_code == 422, setting


def we_verify_tokens_of_libraries(case):
    """A token from another library is good only with our key, header and claims."""
    header = header_of(case.access)
    other_key = make_key(case.key.algorithm, owner="other")
    for sign in (pyjwt_sign, jose_sign):

        def send(key, change):
            claims = {**claims_of(case.access), "jti": secrets.token_urlsafe(16)}
            token = sign(case, key, changed(header, change), claims)
            return case.stack.get("/protected", token)

        expect_greeting(send(case.key, {}), sign.__name__)
        for key, change in (
            (case.key, {"kid": MISSING}),
            (case.key, {"kid": "other"}),
            (case.key, {"typ": MISSING}),
            (case.key, {"typ": "JWT"}),
            (other_key, {}),
        ):
            name = f"{sign.__name__} {change}"
            expect_refusal(send(key, change), name, "invalid_token")


def a_repeated_token_counts_once(case):
    """Two different tokens are refused in either order."""
    for other, status in ((case.access, 200), (tampered(case.access), 400)):
        for pair in ((case.access, other), (other, case.access)):
            answer = case.stack.get("/protected", ", Bearer ".join(pair))
            assert answer.status == status, answer
    # Empty list elements are ignored (RFC 9110, section 5.6.1).
    expect_greeting(case.stack.get("/protected", f"{case.access},"))


def bad_tokens_are_refused(case):
    """By the guard and by the authorizer."""
    key, header, claims = case.key, header_of(case.access), claims_of(case.access)
    expect_greeting(case.stack.get("/protected", assemble(header, claims, key.sign)))
    refused = {"invalid_token": bad_tokens, "token_expired": expired_tokens}
    for code, tokens in refused.items():
        for name, token in tokens(key, header, claims):
            expect_refusal(case.stack.get("/protected", token), name, code)
            expect_forbidden(case.stack.get("/workitems", token), name)
    # The functions still work.
    expect_greeting(case.stack.get("/protected", case.access))
