"""PyJWT verifies our access tokens by our JWKS, as a Flask service would.

Starts the local stack, signs up, logs in, and checks the token with nothing but the public keys.
"""

import json
import subprocess
import sys
import urllib.request

import jwt


def call(url, body=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, data, headers)) as answer:
        return json.load(answer)


def verify(api):
    credentials = {"username": "Alice", "password": "correct horse battery"}
    call(f"{api}/signup", credentials)
    tokens = call(f"{api}/login", credentials)
    metadata = call(f"{api}/.well-known/openid-configuration")
    keys = jwt.PyJWKClient(metadata["jwks_uri"])
    for name, kind in (("access_token", "access"), ("refresh_token", "refresh")):
        token = tokens[name]
        claims = jwt.decode(
            token,
            keys.get_signing_key_from_jwt(token).key,
            algorithms=metadata["id_token_signing_alg_values_supported"],
            issuer=metadata["issuer"],
            audience=metadata["issuer"],
            options={"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]},
        )
        assert claims["username"] == "Alice", claims
        assert claims["type"] == kind, claims
        try:
            jwt.decode(token[:-4] + "AAAA", keys.get_signing_key_from_jwt(token).key, ["ES256"])
        except jwt.InvalidTokenError:
            continue
        raise AssertionError("PyJWT took a token with another signature")
    assert call(f"{api}/protected", token=tokens["access_token"]) == {"logged_in_as": "Alice"}


def main(binaries):
    command = [f"{binaries}/local", "--port", "0", "--state", "memory", "--functions", binaries]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stack:
        try:
            ready = next(line for line in stack.stdout if line.startswith("ready "))
            verify(ready.removeprefix("ready ").strip())
        finally:
            stack.terminate()
    print(f"PyJWT {jwt.__version__} verifies our tokens by our JWKS")
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1])
