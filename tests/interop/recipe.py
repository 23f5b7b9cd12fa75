"""The recipe of the migration guide, run against a stack as an operator runs it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
from argon2 import PasswordHasher
from botocore.config import Config

from case import PASSWORD, USERNAME, logged_in
from stack import WORKSPACE

PROGRAM = WORKSPACE / "examples" / "migrate-from-flask" / "migrate.py"
# `migrate.py` finds its other file there, and so do the tests.
sys.path.append(str(PROGRAM.parent))

USERS, LEGACY = "UsersTable", "LegacyTable"

# The emulator checks neither, and boto3 asks for both.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
REGION = "eu-west-1"

MOVED_ID = "auth0|5f7c8ec7c33c6c00"

# By the parameters that `argon2-cffi` has by default.
HASH = PasswordHasher().hash(PASSWORD)


def row(username, id, **members):
    """A line of the export, of a user with the usual password."""
    created_at = int(time.time()) - 1_000_000
    return {
        "username": username,
        "id": id,
        "created_at": created_at,
        "password_hash": HASH,
        **members,
    }


def run(stack, rows, *options):
    """Runs the program; returns its exit code, its last line and its sentences."""
    return run_at(stack.dynamodb, rows, *options)


def check(*rows):
    """Has rows checked by the program, without a stack; returns its sentences."""
    code, summary, sentences = run_at("http://127.0.0.1:1", rows, "--dry-run")
    assert code == 1 or not sentences, (code, summary, sentences)
    return sentences


def run_at(endpoint, rows, *options):
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder) / "users.jsonl"
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        export.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        done = subprocess.run(
            [
                sys.executable,
                PROGRAM,
                export,
                "--users-table",
                USERS,
                "--legacy-table",
                LEGACY,
                *options,
            ],
            env={
                **os.environ,
                **CREDENTIALS,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
                "NO_PROXY": "127.0.0.1",
            },
            capture_output=True,
            text=True,
        )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout.strip(), done.stderr.splitlines()


def move(stack, *rows):
    """Moves users, all of whom can move."""
    code, summary, sentences = run(stack, rows)
    assert (code, sentences) == (0, []), (summary, sentences)
    return summary


def dynamodb(stack):
    return boto3.client(
        "dynamodb",
        endpoint_url=stack.dynamodb,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        config=Config(proxies={}),
    )


def item(stack, table, key):
    name = {USERS: "username", LEGACY: "identity"}[table]
    return dynamodb(stack).get_item(TableName=table, Key={name: {"S": key}}).get("Item")


def log_in(stack, username, password=PASSWORD):
    return stack.post("/login", {"username": username, "password": password})


def moved(stack, key, jose):
    """The user is moved by the recipe, and logs in."""
    move(stack, row(USERNAME, MOVED_ID, identity=USERNAME))
    return logged_in(stack, key, jose, MOVED_ID)
