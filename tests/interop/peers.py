"""Other libraries that verify and sign: PyJWT, Flask-JWT-Extended, and `jose` on Node.js."""

import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import jwt
from flask import Flask
from flask_jwt_extended import JWTManager, get_jwt, get_jwt_identity, jwt_required

from tokens import CLAIMS


class Refused(Exception):
    """A library refuses a token. The text is its reason."""


def pyjwt_verify(case, token):
    """Verifies a token with our JWKS or the shared secret. Returns the claims."""
    try:
        key = case.key.public
        if not case.key.is_shared:
            key = jwt.PyJWKClient(case.jwks_uri).get_signing_key_from_jwt(token).key
        return jwt.decode(
            token,
            key,
            algorithms=[case.key.algorithm],
            issuer=case.issuer,
            audience=case.issuer,
            options={"require": list(CLAIMS)},
        )
    except jwt.InvalidTokenError as error:
        raise Refused(type(error).__name__) from error


def pyjwt_sign(_case, key, header, claims):
    return jwt.encode(claims, key.private, key.algorithm, headers={"typ": None, **header})


def jose_verify(case, token, **typ):
    """As `pyjwt_verify`; `typ` is the required header member."""
    shared = {"jwk": case.key.jwk()} if case.key.is_shared else {"jwksUri": case.jwks_uri}
    return case.jose.call(
        "verify",
        token=token,
        algorithms=[case.key.algorithm],
        issuer=case.issuer,
        audience=case.issuer,
        requiredClaims=CLAIMS,
        **shared,
        **typ,
    )


def jose_sign(case, key, header, claims):
    return case.jose.call("sign", header=header, claims=claims, jwk=key.jwk())


def flask_verify(case, token):
    """Verifies a token in a route of a Flask service. Returns the claims."""
    answer = flask_client(case).get("/protected", headers=bearer(token))
    if answer.status_code != 200:
        raise Refused(answer.json["msg"])
    return answer.json


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def flask_client(case, **config):
    """A client of a Flask service that uses Flask-JWT-Extended with our verification key."""
    verifying = (
        {"JWT_SECRET_KEY": case.key.private}
        if case.key.is_shared
        else {"JWT_PUBLIC_KEY": case.key.public_pem()}
    )
    app = Flask("interop")
    app.config.update(
        JWT_ALGORITHM=case.key.algorithm,
        JWT_DECODE_ISSUER=case.issuer,
        JWT_DECODE_AUDIENCE=case.issuer,
        JWT_IDENTITY_CLAIM="sub",
        **verifying,
    )
    app.config.update(config)
    JWTManager(app)
    for path, guard in (
        ("/protected", jwt_required()),
        ("/fresh", jwt_required(fresh=True)),
        ("/refresh", jwt_required(refresh=True)),
    ):
        app.add_url_rule(path, path, guard(lambda: {**get_jwt(), "identity": get_jwt_identity()}))
    return app.test_client()


class Jose:
    """A Node.js process that answers each line of JSON with one."""

    def __init__(self, process):
        self._process = process

    def call(self, action, **options):
        self._process.stdin.write(json.dumps({"action": action, **options}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]


@contextmanager
def running_jose():
    program = Path(__file__).with_name("jose.mjs")
    with subprocess.Popen(
        ["node", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Jose(process)
