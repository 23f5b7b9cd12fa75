"""Gives each call of Schemathesis a new user and session, and often the right password."""

import json
import os
import uuid
from urllib.request import Request, urlopen

import schemathesis

URL = os.environ["LATCHKEY_URL"]
PASSWORD = "correct horse battery"
NEW_PASSWORD = "another horse battery"


def post(path, body):
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(URL + path, json.dumps(body).encode(), headers)) as answer:
        return json.load(answer)


def is_text(value, shortest, longest=float("inf")):
    return isinstance(value, str) and shortest <= len(value) <= longest


@schemathesis.auth(refresh_interval=None)
class Session:
    """Each call has its own, because a call may end its session or delete its account."""

    def get(self, case, context):
        credentials = {"username": f"user-{uuid.uuid4().hex}", "password": PASSWORD}
        post("/signup", credentials)
        return credentials | post("/login", credentials)

    def set(self, case, data, context):
        kind = "refresh_token" if case.path == "/refresh" else "access_token"
        case.headers["Authorization"] = f"Bearer {data[kind]}"
        # Replaces only valid values by valid values, so that the schema verdict stays the same.
        body = case.body if isinstance(case.body, dict) else {}
        if case.path == "/me" and is_text(body.get("password"), 1):
            body["password"] = PASSWORD
        if case.path == "/signup" and is_text(body.get("password"), 8, 256):
            body["password"] = PASSWORD
        if case.path == "/password" and is_text(body.get("current_password"), 1):
            body["current_password"] = PASSWORD
        if case.path == "/password" and is_text(body.get("new_password"), 8, 256):
            body["new_password"] = NEW_PASSWORD
        if case.path == "/password/reset" and is_text(body.get("username"), 1, 128):
            body["username"] = data["username"]
        if case.path in ("/login", "/auth"):
            if is_text(body.get("username"), 1, 128) and is_text(body.get("password"), 1, 256):
                body |= {"username": data["username"], "password": PASSWORD}
