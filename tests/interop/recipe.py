"""Runs `migrate.py` of the migration guide against a stack."""

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

from case import PASSWORD, USERNAME, log_in_as
from stack import WORKSPACE

PROGRAM = WORKSPACE / "examples" / "migrate-from-flask" / "migrate.py"
# For imports of `users.py`.
sys.path.append(str(PROGRAM.parent))

USERS, LEGACY = "UsersTable", "LegacyTable"

# boto3 requires credentials and a region; the emulator ignores them.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
REGION = "eu-west-1"

MOVED_ID = "auth0|5f7c8ec7c33c6c00"

# With the default parameters of `argon2-cffi`.
HASH = PasswordHasher().hash(PASSWORD)


def row(username, id, **members):
    """A line of the export, with the hash of `PASSWORD`."""
    created_at = int(time.time()) - 1_000_000
    return {
        "username": username,
        "id": id,
        "created_at": created_at,
        "password_hash": HASH,
        **members,
    }


def run(stack, rows, *options):
    """Runs the program. Returns its exit code, its output and its messages."""
    return run_at(stack.dynamodb, rows, *options)


def check(*rows):
    """Checks rows with the program, without a stack. Returns its messages."""
    code, summary, messages = run_at("http://127.0.0.1:1", rows, "--dry-run")
    assert code == 1 or not messages, (code, summary, messages)
    return messages


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
    """Moves users without any refusal. Returns the output."""
    code, summary, messages = run(stack, rows)
    assert (code, messages) == (0, []), (summary, messages)
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


def move_and_log_in(stack, key, jose):
    """Moves the user with the program and logs in."""
    move(stack, row(USERNAME, MOVED_ID, identity=USERNAME))
    return log_in_as(stack, key, jose, MOVED_ID)
