"""A logged-in user of a stack that signs with a known key or with its own key ring."""

from dataclasses import dataclass

from keys import Key
from peers import Jose
from stack import Stack

USERNAME = "Alice"
PASSWORD = "correct horse battery"

# Error messages by error code.
MESSAGES = {"invalid_token": "Token is invalid", "token_expired": "Token has expired"}


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


def sign_up_and_log_in(stack, key, jose):
    """Signs the user up and logs in."""
    user = expect(stack.post("/signup", CREDENTIALS), 201)["user"]["id"]
    return log_in_as(stack, key, jose, user)


def log_in_as(stack, key, jose, user):
    """Logs in the user, whose account has the id `user`."""
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
    """Asserts the status of an answer and returns the body."""
    assert answer.status == status, answer
    return answer.body


def expect_greeting(answer, name="a good token"):
    assert (answer.status, answer.body) == (200, {"logged_in_as": USERNAME}), f"{name}: {answer}"


def expect_refusal(answer, name, code=None):
    """Asserts a 401 with an `invalid_token` challenge, and with `code` its exact error."""
    assert answer.status == 401, f"{name}: {answer}"
    start = 'Bearer realm="latchkey", error="invalid_token", error_description='
    assert answer.challenge.startswith(start), f"{name}: {answer}"
    if code:
        message = MESSAGES[code]
        assert (answer.code, answer.body["msg"]) == (code, message), f"{name}: {answer}"
        assert answer.challenge == f'{start}"{message}"', f"{name}: {answer}"


def expect_fresh_token_required(answer):
    assert (answer.status, answer.code) == (401, "fresh_token_required"), answer
    assert "insufficient_user_authentication" in answer.challenge, answer


def expect_forbidden(answer, name):
    """Asserts the gateway's 403 for a token that the authorizer refused."""
    assert (answer.status, answer.body) == (403, {"message": "Forbidden"}), f"{name}: {answer}"
