"""A replaced Flask service: its users are moved, and their tokens keep working."""

import base64
import json
import subprocess
import sys
import time
import uuid

import jwt

from deployment import WORKSPACE
from emulator import root_environment
from main_job import GATEWAY_403, User

SECRET = b"the secret of a Flask service, long enough for HS256"
IDENTITY = "42"
NAME = "erin"


def make_keys_secret(stack):
    """Creates a secret with the service's key, marked with `minted_by`. Returns its ARN."""
    k = base64.urlsafe_b64encode(SECRET).decode().rstrip("=")
    key = {"kty": "oct", "alg": "HS256", "kid": "flask", "k": k, "minted_by": "flask"}
    return stack.aws.client("secretsmanager").create_secret(
        Name="flask-keys", SecretString=json.dumps({"keys": [key]})
    )["ARN"]


def move_user(stack, folder):
    """Moves the user with `migrate.py`."""
    row = {
        "username": NAME,
        "id": "flask-42",
        "identity": IDENTITY,
        "created_at": int(time.time()) - 1_000_000,
        "roles": ["admin"],
    }
    export = folder / "users.jsonl"
    export.write_text(json.dumps(row) + "\n", encoding="utf-8")
    tables = (
        *("--users-table", stack.outputs["UsersTable"]),
        *("--legacy-table", stack.outputs["LegacyTable"]),
    )
    program = WORKSPACE / "examples" / "migrate-from-flask" / "migrate.py"
    done = subprocess.run(
        [sys.executable, program, export, *tables],
        env=root_environment(stack.aws.endpoint),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def token(identity=IDENTITY, kind="access", secret=SECRET):
    """A token as Flask-JWT-Extended issues it."""
    now = int(time.time())
    claims = {"sub": identity, "type": kind, "iat": now, "nbf": now, "exp": now + 300}
    claims |= {"jti": str(uuid.uuid4()), "fresh": False}
    return jwt.encode(claims, secret, "HS256")


def tokens_are_refused(gateway, report):
    answer = gateway.get("/protected", token())
    report.equal("without its keys the service's tokens are refused", answer.code, "invalid_token")


def tokens_are_accepted(gateway, report):
    """Guard, authorizer and account routes accept the service's tokens."""
    user = User(gateway, NAME)
    old = token()
    greeting = user.greeting(old)
    found = (greeting.status, greeting.body)
    report.equal("the guard accepts an old token", found, user.expected_greeting())
    report.equal("the authorizer accepts it", gateway.get("/workitems", old).status, 200)
    report.equal("GET /me accepts it", gateway.get("/me", old).body["username"], NAME)
    change = {"current_password": "not it", "new_password": "correct horse battery"}
    answer = gateway.post("/password", change, old)
    report.equal("POST /password accepts it", answer.verdict, (401, "invalid_credentials"))
    user.store_tokens(gateway.post("/refresh", token=token(kind="refresh")))
    report.equal("POST /refresh starts a session", user.greeting().status, 200)
    answer = gateway.get("/protected/admin", user.access)
    report.equal("with the roles of the account", answer.status, 200)
    report.equal("which can be refreshed", user.refresh_tokens().status, 200)
    for name, bad, code in (
        ("of an unknown user", token("43"), "token_revoked"),
        ("with another secret", token(secret=SECRET[::-1]), "invalid_token"),
    ):
        report.equal(f"the guard refuses a token {name}", user.greeting(bad).verdict, (401, code))
        answer = gateway.get("/workitems", bad)
        report.equal("and so does the authorizer", (answer.status, answer.body), GATEWAY_403)
