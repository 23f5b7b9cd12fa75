"""Tokens that a Flask service issued before its users were moved."""

import time
from datetime import timedelta

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, create_access_token, create_refresh_token

from case import (
    PASSWORD,
    USERNAME,
    expect,
    expect_forbidden,
    expect_fresh_token_required,
    expect_greeting,
    expect_refusal,
)
from keys import Key
from recipe import move, row
from tokens import MISSING, assemble, base64url, changed, claims_of, header_of, tampered

# Shorter than the 32 bytes of HS256, as in many services.
SECRET = b"our-old-flask-secret"
OTHER_SECRET = b"another-flask-secret"
OLD_KEY = Key("HS256", SECRET, kid="old")

HOUR = 3_600
DAY = timedelta(days=1)
PAST = timedelta(seconds=-1)


def flask_jwk(minted_by, **members):
    """The secret of the Flask service as a verification key."""
    k = base64url(SECRET)
    return {"kty": "oct", "alg": "HS256", "kid": "old", "k": k, "minted_by": minted_by, **members}


class FlaskJwtExtended:
    """The old service."""

    def __init__(self, **config):
        self._app = Flask("old")
        self._app.config.update({"JWT_SECRET_KEY": SECRET, **config})
        JWTManager(self._app)

    def access(self, identity=USERNAME, **options):
        with self._app.app_context():
            return create_access_token(identity, **options)

    def refresh(self, identity=USERNAME, **options):
        with self._app.app_context():
            return create_refresh_token(identity, **options)


def flask_jwt(identity=USERNAME, secret=SECRET, **changes):
    """A token as Flask-JWT issues it; the library does not run on current Python."""
    now = int(time.time())
    claims = {"exp": now + 300, "iat": now, "nbf": now, "identity": identity}
    return jwt.encode(changed(claims, changes), secret, "HS256")


def with_old_key(changes, header=None):
    """A token with claims or a header that Flask-JWT-Extended does not issue."""
    good = FlaskJwtExtended().access()
    header = {**header_of(good), **(header or {})}
    return assemble(header, changed(claims_of(good), changes), OLD_KEY.sign)


def the_old_key_is_not_published(case):
    published = expect(case.stack.get("/.well-known/jwks.json"))["keys"]
    assert [key["kid"] for key in published] == [case.key.kid], published


def old_access_tokens_are_accepted(case):
    """By guard and authorizer, as the user with their identity."""
    old = FlaskJwtExtended()
    expect(case.stack.post("/workitems", {"title": "move"}, case.access), 201)
    for name, token in {
        "not fresh": old.access(),
        "fresh": old.access(fresh=True),
        "fresh for a while": old.access(fresh=timedelta(minutes=5)),
        "for a day": old.access(expires_delta=DAY),
        "without csrf": FlaskJwtExtended(JWT_COOKIE_CSRF_PROTECT=False).access(),
        "without nbf": FlaskJwtExtended(JWT_ENCODE_NBF=False).access(),
        "of an issuer": FlaskJwtExtended(JWT_ENCODE_ISSUER="flask").access(),
        "for an audience": FlaskJwtExtended(JWT_ENCODE_AUDIENCE="app").access(),
        "with a claim": old.access(additional_claims={"is_administrator": True}),
        "for audiences": with_old_key({"aud": ["app", "other"]}),
        "without freshness and name": with_old_key({"fresh": MISSING, "jti": MISSING}),
    }.items():
        expect_greeting(case.stack.get("/protected", token), name)
        items = expect(case.stack.get("/workitems", token))["workitems"]
        assert [item["title"] for item in items] == ["move"], f"{name}: {items}"
    expect_greeting(case.stack.get("/protected/fresh", old.access(fresh=True)))
    expect_fresh_token_required(case.stack.get("/protected/fresh", old.access()))


def bad_old_access_tokens_are_refused(case):
    for name, token in bad_old_access_tokens(case).items():
        expect_refusal(case.stack.get("/protected", token), name)
        expect_forbidden(case.stack.get("/workitems", token), name)


def bad_old_access_tokens(case):
    old, later = FlaskJwtExtended(), int(time.time()) + HOUR
    header, claims = header_of(case.access), claims_of(case.access)
    return {
        "expired": old.access(expires_delta=PAST),
        "never expiring": old.access(expires_delta=False),
        "not yet valid": with_old_key({"nbf": later}),
        "not yet issued": with_old_key({"iat": later}),
        "another secret": FlaskJwtExtended(JWT_SECRET_KEY=OTHER_SECRET).access(),
        "another signature": tampered(old.access()),
        "alg HS384": FlaskJwtExtended(JWT_ALGORITHM="HS384").access(),
        "alg HS512": FlaskJwtExtended(JWT_ALGORITHM="HS512").access(),
        "alg HS384 in name only": with_old_key({}, {"alg": "HS384"}),
        "alg none": jwt.encode(claims_of(old.access()), None, "none"),
        "alg none in name only": with_old_key({}, {"alg": "none"}),
        "unknown user": old.access("unknown"),
        "empty user": old.access(""),
        "a list of users": with_old_key({"sub": [USERNAME]}),
        "no user": with_old_key({"sub": MISSING}),
        "refresh token": old.refresh(),
        "another type": with_old_key({"type": "reset"}),
        "no type": with_old_key({"type": MISSING}),
        "no time of issue": with_old_key({"iat": MISSING}),
        "a critical extension": with_old_key({}, {"crit": ["exp"]}),
        # The old key verifies only tokens of the old service, and our key none of them.
        "our claims": with_old_key(claims),
        "our claims and type": with_old_key(claims, {"typ": "at+jwt"}),
        "our claims and type, old key id": with_old_key(claims, {"typ": "at+jwt", "kid": "old"}),
        "our claims, type and key id": with_old_key(claims, {**header, "alg": "HS256"}),
        "signed with our key": assemble(
            {"alg": case.key.algorithm, "typ": "JWT"}, claims_of(old.access()), case.key.sign
        ),
        "signed with our key, with its id": assemble(
            {**header, "typ": "JWT"}, claims_of(old.access()), case.key.sign
        ),
    }


def old_refresh_tokens_start_sessions(case):
    """At each use: reuse is not detected."""
    token = FlaskJwtExtended().refresh()
    for body, bearer in (({}, token), ({}, token), ({"refresh_token": token}, None)):
        pair = expect(case.stack.post("/refresh", body, bearer))
        assert claims_of(pair["access_token"])["sub"] == case.user, pair
        expect_greeting(case.stack.get("/protected", pair["access_token"]))
        expect_fresh_token_required(case.stack.get("/protected/fresh", pair["access_token"]))
        renewed = expect(case.stack.post("/refresh", token=pair["refresh_token"]))
        expect_greeting(case.stack.get("/protected", renewed["access_token"]))
        expect(case.stack.post("/logout", token=renewed["access_token"]))
        ended = case.stack.get("/protected", renewed["access_token"])
        assert (ended.status, ended.code) == (401, "token_revoked"), ended


def bad_old_refresh_tokens_are_refused(case):
    old = FlaskJwtExtended()
    for name, token in {
        "expired": old.refresh(expires_delta=PAST),
        "never expiring": old.refresh(expires_delta=False),
        "another secret": FlaskJwtExtended(JWT_SECRET_KEY=OTHER_SECRET).refresh(),
        "another signature": tampered(old.refresh()),
        "alg HS384": FlaskJwtExtended(JWT_ALGORITHM="HS384").refresh(),
        "alg none": jwt.encode(claims_of(old.refresh()), None, "none"),
        "unknown user": old.refresh("unknown"),
        "access token": old.access(),
        "fresh access token": old.access(fresh=True),
        "no type": with_old_key({"type": MISSING}),
    }.items():
        expect_refusal(case.stack.post("/refresh", token=token), name)


def old_tokens_cannot_log_out(case):
    """They have no session."""
    old = FlaskJwtExtended()
    for token in (old.access(fresh=True), old.refresh()):
        for method in ("POST", "DELETE"):
            answer = case.stack.call(method, "/logout", token)
            expect_refusal(answer, f"{method} /logout", "invalid_token")
    expect_greeting(case.stack.get("/protected", old.access()))


LEEWAY_SECONDS = 60


def leeway_applies_to_old_tokens(case):
    """To each time claim, on each kind of route."""
    old, now = FlaskJwtExtended(), int(time.time())
    within, beyond = LEEWAY_SECONDS // 2, LEEWAY_SECONDS * 2
    for seconds, is_accepted in ((within, True), (beyond, False)):
        for name, changes in {
            "expired": {"exp": now - seconds},
            "not yet valid": {"nbf": now + seconds},
            "not yet issued": {"iat": now + seconds},
        }.items():
            name = f"{name} {seconds}"
            access = with_old_key(changes)
            refresh = case.stack.post(
                "/refresh", token=with_old_key({**changes, "type": "refresh"})
            )
            if is_accepted:
                expect_greeting(case.stack.get("/protected", access), name)
                expect(case.stack.get("/workitems", access))
                expect(case.stack.get("/me", access))
                expect(refresh)
            else:
                expect_refusal(case.stack.get("/protected", access), name)
                expect_forbidden(case.stack.get("/workitems", access), name)
                expect_refusal(case.stack.get("/me", access), name)
                expect_refusal(refresh, name)
    expect_refusal(case.stack.get("/protected", old.access("unknown")), "an unknown user")


# Required values of the marked key, and the matching configuration of the old service.
OPTIONS = {"identity_claim": "user", "iss": "https://flask.example.com", "aud": "app"}
CONFIG = {
    "JWT_IDENTITY_CLAIM": "user",
    "JWT_ENCODE_ISSUER": "https://flask.example.com",
    "JWT_ENCODE_AUDIENCE": "app",
}


def the_options_of_the_old_service_are_required(case):
    """Identity claim, issuer and audience must match the marked key."""
    for audience in ("app", ["other", "app"]):
        old = FlaskJwtExtended(**{**CONFIG, "JWT_ENCODE_AUDIENCE": audience})
        expect_greeting(case.stack.get("/protected", old.access()), f"for {audience}")
    expect(case.stack.post("/refresh", token=FlaskJwtExtended(**CONFIG).refresh()))
    for option in CONFIG:
        for value in (None, "other"):
            config = {**CONFIG, option: value}
            # Flask-JWT-Extended needs an identity claim.
            if config["JWT_IDENTITY_CLAIM"] is None:
                config["JWT_IDENTITY_CLAIM"] = "sub"
            other = FlaskJwtExtended(**config)
            name = f"{option} {value}"
            expect_refusal(case.stack.get("/protected", other.access()), name)
            expect_refusal(case.stack.post("/refresh", token=other.refresh()), name)


def flask_jwt_tokens_are_accepted(case):
    """In the schemes `JWT` and `Bearer`, never as fresh."""
    for scheme in ("JWT", "Bearer"):
        expect_greeting(case.stack.get("/protected", flask_jwt(), scheme=scheme), scheme)
        items = expect(case.stack.get("/workitems", flask_jwt(), scheme=scheme))
        assert items == {"workitems": []}, items
        fresh = case.stack.get("/protected/fresh", flask_jwt(), scheme=scheme)
        expect_fresh_token_required(fresh)


def bad_flask_jwt_tokens_are_refused(case):
    now = int(time.time())
    for name, token in {
        "expired": flask_jwt(exp=now - 1),
        "never expiring": flask_jwt(exp=MISSING),
        "not yet valid": flask_jwt(nbf=now + HOUR),
        "another secret": flask_jwt(secret=OTHER_SECRET),
        "another signature": tampered(flask_jwt()),
        "alg HS384": jwt.encode(claims_of(flask_jwt()), SECRET, "HS384"),
        "alg none": jwt.encode(claims_of(flask_jwt()), None, "none"),
        "no identity": flask_jwt(MISSING),
        **{f"identity {bad}": flask_jwt(bad) for bad in ("", None, True, 1.5, [USERNAME], {})},
        "identity in `sub`": flask_jwt(MISSING, sub=USERNAME),
    }.items():
        expect_refusal(case.stack.get("/protected", token), name)
        expect_forbidden(case.stack.get("/workitems", token), name)
        expect_refusal(case.stack.post("/refresh", token=token), name)
    expect_refusal(case.stack.post("/refresh", token=flask_jwt()), "a good token")
    expect_refusal(case.stack.post("/logout", token=flask_jwt()), "a good token")


def a_numeric_identity_equals_its_decimal_text(case):
    """Identities of Flask-JWT are usually primary keys."""
    move(case.stack, row("Nora", "nora-id", identity=20481))
    expect(case.stack.post("/workitems", {"title": "of Alice"}, case.access), 201)
    expect(case.stack.post("/workitems", {"title": "of Nora"}, flask_jwt(20481)), 201)
    for identity, name, titles in (
        (20481, "Nora", ["of Nora"]),
        ("20481", "Nora", ["of Nora"]),
        (USERNAME, USERNAME, ["of Alice"]),
    ):
        greeting = expect(case.stack.get("/protected", flask_jwt(identity)))
        assert greeting == {"logged_in_as": name}, greeting
        items = expect(case.stack.get("/workitems", flask_jwt(identity)))["workitems"]
        assert [item["title"] for item in items] == titles, f"{identity}: {items}"
    # Neither other spellings, nor Latchkey's user ids, nor names of accounts from sign-up.
    expect(case.stack.post("/signup", {"username": "20482", "password": PASSWORD}), 201)
    for identity in ("020481", "20481 ", 20482, "20482", case.user, "nora-id", "Nora", -20481):
        expect_refusal(case.stack.get("/protected", flask_jwt(identity)), f"{identity!r}")
        expect_forbidden(case.stack.get("/workitems", flask_jwt(identity)), f"{identity!r}")
