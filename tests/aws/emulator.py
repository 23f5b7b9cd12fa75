"""The AWS emulator, with an empty account for each run."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from processes import free_port, running

REGION = "eu-west-1"
START_SECONDS = 60

# Credentials of the root user. The emulator generates those of other users.
ROOT = {"AWS_ACCESS_KEY_ID": "root-of-the-emulator", "AWS_SECRET_ACCESS_KEY": "not a secret"}

# Disables the user's AWS configuration files and instance metadata.
ISOLATION = {
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}

# All requests are local; a proxy of the environment cannot reach them.
NO_PROXY = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def root_environment(endpoint):
    """The environment of this process with the emulator in place of AWS."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    region = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    return {**environment, **NO_PROXY, **ISOLATION, **ROOT, **region, "AWS_ENDPOINT_URL": endpoint}


@contextmanager
def running_emulator(folder, log):
    """Runs the emulator with its state in `folder` and its output in `log`. Yields its URL."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    # Minimal, because functions inherit it.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "STATE_DIR": str(folder / "state"),
        "S3_DATA_DIR": str(folder / "s3"),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "GATEWAY_PORT": str(port),
        # Otherwise it listens on every interface.
        "IOT_MTLS_ENABLED": "0",
        # Verify signatures and evaluate policies.
        "AUTH": "true",
        "CLOUDTRAIL_RECORDING": "1",
        "LAMBDA_EXECUTOR": "local",
        # Otherwise functions call AWS itself.
        "AWS_ENDPOINT_URL": endpoint,
        **ROOT,
        **ISOLATION,
    }
    with (
        open(log, "w", encoding="utf-8") as output,
        running(
            [Path(sys.executable).with_name("ministack")],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        _wait_until_ready(process, endpoint, log)
        yield endpoint


def _wait_until_ready(process, endpoint, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with opener.open(f"{endpoint}/_ministack/health", timeout=5) as answer:
                health = json.load(answer)
        except (OSError, urllib.error.URLError):
            time.sleep(0.2)
            continue
        assert health["auth"] == "enabled", health
        return
    raise RuntimeError(f"the emulator has not started:\n{log.read_text(encoding='utf-8')}")
