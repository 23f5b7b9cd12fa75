"""Decodes tokens, and builds tokens that libraries refuse to build."""

import base64
import json

# As the value of a change it removes the member; `None` is JSON's null.
MISSING = ...

# The claims of every access token.
CLAIMS = (
    *("iss", "aud", "sub", "username", "sid", "jti"),
    *("iat", "nbf", "exp", "auth_time", "type", "fresh"),
)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(token):
    return json.loads(from_base64url(token.split(".")[0]))


def claims_of(token):
    return json.loads(from_base64url(token.split(".")[1]))


def changed(members, changes):
    """A copy of `members` with changes."""
    return {name: value for name, value in {**members, **changes}.items() if value is not MISSING}


def assemble(header, payload, sign):
    """Signs a token. Header and payload are objects or their encoded text."""
    message = f"{base64url(_encoded(header))}.{base64url(_encoded(payload))}"
    return f"{message}.{base64url(sign(message.encode()))}"


def _encoded(part):
    if isinstance(part, dict):
        part = json.dumps(part, separators=(",", ":"))
    return part.encode() if isinstance(part, str) else part


def tampered(token):
    """The token with one character of its signature changed."""
    message, signature = token.rsplit(".", 1)
    other = "B" if signature[0] == "A" else "A"
    return f"{message}.{other}{signature[1:]}"
