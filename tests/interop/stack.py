"""The local stack, as `make dev` starts it."""

import json
import os
import queue
import subprocess
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WORKSPACE = Path(__file__).resolve().parents[2]
START_SECONDS = 60
STOP_SECONDS = 30


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    challenge: str | None

    @property
    def code(self):
        """The code of an error answer."""
        return self.body["error"]


@dataclass(frozen=True)
class Stack:
    url: str
    # The URL of the emulated KMS, Secrets Manager and Lambda.
    aws: str
    dynamodb: str
    binaries: Path

    def call(self, method, path, token=None, body=None, scheme="Bearer"):
        headers = {}
        if token is not None:
            headers["Authorization"] = f"{scheme} {token}"
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        with closing(HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return Answer(
                answer.status,
                json.loads(text) if text else None,
                answer.headers["WWW-Authenticate"],
            )

    def get(self, path, token=None, **options):
        return self.call("GET", path, token, **options)

    def post(self, path, body=None, token=None):
        return self.call("POST", path, token, body)


# Tests log one user in more often than the defaults allow.
NO_LIMITS = {
    "LOGIN_LIMIT_ADDRESS": "off",
    "LOGIN_LIMIT_ACCOUNT": "off",
    "SIGNUP_LIMIT_ADDRESS": "off",
}


@contextmanager
def running_stack(binaries, variables, options=()):
    """A stack with state in memory, with environment variables and command-line options."""
    command = [binaries / "local", "--port", "0", "--state", "memory", "--functions", binaries]
    process = subprocess.Popen(
        # Debug builds are slow on a busy machine.
        [*command, "--timeout", "20", *options],
        cwd=WORKSPACE,
        env={**_plain_environment(), **NO_LIMITS, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    log = []
    try:
        yield Stack(**_addresses(process, log), binaries=binaries)
    except Exception:
        print("End of the stack's log:", *log[-20:], sep="\n", flush=True)
        raise
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)


def _plain_environment():
    """The environment of this process without the variables of the stack."""
    prefixes = ("JWT_", "SIGNING_", "KEYS_", "FLASK_KEYS")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def _addresses(process, log):
    """The addresses that the stack prints. A thread keeps reading so that its pipe never fills."""
    ready = queue.Queue()

    def read():
        addresses = {}
        for line in process.stdout:
            log.append(line.rstrip())
            word, _, address = line.strip().partition(" ")
            if word in ("aws", "dynamodb"):
                addresses[word] = address
            if word == "ready":
                ready.put({"url": address, **addresses})
        ready.put(None)

    threading.Thread(target=read, daemon=True).start()
    try:
        addresses = ready.get(timeout=START_SECONDS)
    except queue.Empty:
        addresses = None
    assert addresses, "the stack has not started"
    return addresses
