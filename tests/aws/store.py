"""Runs the store tests against DynamoDB Local.

    store.py SCRATCH

writes the log of DynamoDB Local to the folder SCRATCH.
"""

import os
import shutil
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from deployment import WORKSPACE
from processes import exit_on_signals, free_port, running

PROGRAM = Path(__file__).resolve().parent / "node_modules" / "amplify-dynamodb-simulator" / "emulator"
START_SECONDS = 60

TESTS = ("cargo", "test", "--package", "latchkey-store", "--test", "contract", "--test", "dynamodb", "--test", "key_ring")
ENDPOINT = "LATCHKEY_TEST_DYNAMODB_ENDPOINT"
UNREACHABLE = "http://127.0.0.1:9"


def main(scratch):
    exit_on_signals()
    scratch = Path(scratch).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    assert test(UNREACHABLE, "--no-run") == 0, "the tests cannot be built"
    with open(scratch / "unreachable.log", "w", encoding="utf-8") as log:
        # A test that passes without DynamoDB does not use the endpoint.
        passed = test(UNREACHABLE, "an_unknown_name_finds_nothing", stdout=log, stderr=log) == 0
    print(f"{'FAILED' if passed else 'ok    '}  the tests use DynamoDB at {ENDPOINT}", flush=True)
    with dynamodb_local(scratch / "dynamodb-local.log") as endpoint:
        return test(endpoint, "--no-fail-fast") or int(passed)


def test(endpoint, *options, **output):
    """Runs the tests with DynamoDB at `endpoint`. Returns their exit code."""
    environment = {**os.environ, ENDPOINT: endpoint}
    with running((*TESTS, *options), cwd=WORKSPACE, env=environment, **output) as tests:
        return tests.wait()


@contextmanager
def dynamodb_local(log):
    """Runs DynamoDB Local with state in memory. Yields its URL."""
    java = shutil.which("java")
    assert java, "DynamoDB Local needs Java 11 or newer"
    port = free_port()
    with (
        tempfile.TemporaryDirectory() as home,
        open(log, "w", encoding="utf-8") as output,
        running(
            [
                java,
                f"-Djava.library.path={PROGRAM / 'DynamoDBLocal_lib'}",
                f"-Duser.home={home}",
                "-jar",
                PROGRAM / "DynamoDBLocal.jar",
                "-inMemory",
                "-disableTelemetry",
                "-port",
                port,
            ],
            # It writes a file to the working directory.
            cwd=home,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        endpoint = f"http://127.0.0.1:{port}"
        _wait_until_ready(process, endpoint, log)
        yield endpoint


def _wait_until_ready(process, endpoint, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            opener.open(endpoint, timeout=5).close()
        except urllib.error.HTTPError:
            # It refuses the unsigned request, so it is ready.
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"DynamoDB Local has not started:\n{log.read_text(encoding='utf-8')}")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
