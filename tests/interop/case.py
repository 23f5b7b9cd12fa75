"""A user who has logged in at a stack that signs with a known key, or with keys of its own."""

from dataclasses import dataclass

from keys import Key
from peers import Jose
from stack import Stack

USERNAME = "Alice"
PASSWORD = "correct horse battery"

# What a client is told, by the code of the answer.
SENTENCES = {"invalid_token": "Token is invalid", "token_expired": "Token has expired"}


@dataclass(frozen=True)
class Case:
    stack: Stack
    key: Key | None
    jose: Jose
    issuer: str
    jwks_uri: str
    user: str
    access: str
    refresh: str


CREDENTIALS = {"username": USERNAME, "password": PASSWORD}


def signed_up(stack, key, jose):
    """Signs the user up and logs them in."""
    user = expect(stack.post("/signup", CREDENTIALS), 201)["user"]["id"]
    return logged_in(stack, key, jose, user)


def logged_in(stack, key, jose, user):
    """Logs the user in, who has that id."""
    tokens = expect(stack.post("/login", CREDENTIALS))
    metadata = expect(stack.get("/.well-known/openid-configuration"))
    return Case(
        stack=stack,
        key=key,
        jose=jose,
        issuer=metadata["issuer"],
        jwks_uri=metadata["jwks_uri"],
        user=user,
        access=tokens["access_token"],
        refresh=tokens["refresh_token"],
    )


def expect(answer, status=200):
    """The body of an answer that must have this status."""
    assert answer.status == status, answer
    return answer.body


def expect_greeting(answer, name="a good token"):
    assert (answer.status, answer.body) == (200, {"logged_in_as": USERNAME}), f"{name}: {answer}"


def expect_refusal(answer, name, code=None):
    """A 401 that says that the token is at fault; with a code, exactly what of it."""
    assert answer.status == 401, f"{name}: {answer}"
    start = 'Bearer realm="latchkey", error="invalid_token", error_description='
    assert answer.challenge.startswith(start), f"{name}: {answer}"
    if code:
        sentence = SENTENCES[code]
        assert (answer.code, answer.body["msg"]) == (code, sentence), f"{name}: {answer}"
        assert answer.challenge == f'{start}"{sentence}"', f"{name}: {answer}"


def expect_fresh_token_required(answer):
    assert (answer.status, answer.code) == (401, "fresh_token_required"), answer
    assert "insufficient_user_authentication" in answer.challenge, answer


def expect_forbidden(answer, name):
    """The gateway's own words for a token that the authorizer refused."""
    assert (answer.status, answer.body) == (403, {"message": "Forbidden"}), f"{name}: {answer}"
