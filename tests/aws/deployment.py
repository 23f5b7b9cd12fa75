"""Builds and deploys the template of the workspace with the SAM CLI, as an operator does."""

import platform
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from emulator import REGION, ROOT, root_environment
from processes import run

WORKSPACE = Path(__file__).resolve().parents[2]
STACK = "latchkey"

# Short, so that the checks need not wait for minutes. In seconds.
KEYS_MAX_AGE = 4
REFRESH_GRACE = 2

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}

PARAMETERS = {
    # The emulator runs functions on this machine.
    "Architecture": ARCHITECTURES[platform.machine()],
    "KeysMaxAgeSeconds": KEYS_MAX_AGE,
    "RefreshGraceSeconds": REFRESH_GRACE,
    # The checks log one user in more often than the defaults allow.
    "LoginLimitAddress": "1000/1",
    "LoginLimitAccount": "1000/1",
    "SignupLimitAddress": "1000/1",
}

# The emulator refuses a template with a resource of a type that it does not know.
UNKNOWN_TYPES = ["AWS::Logs::QueryDefinition"]

# The client does not retry, so that each check sees the first response.
NO_RETRY = Config(retries={"total_max_attempts": 1}, proxies={}, connect_timeout=5, read_timeout=60)


@dataclass(frozen=True)
class Aws:
    """Clients of the emulator with credentials."""

    endpoint: str
    credentials: tuple[str, ...]

    def client(self, service):
        key, secret, *token = self.credentials
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token[0] if token else None,
            config=NO_RETRY,
        )


def root(endpoint):
    return Aws(endpoint, tuple(ROOT.values()))


@dataclass(frozen=True)
class Stack:
    """A deployed stack."""

    aws: Aws

    @cached_property
    def template(self):
        """The template after the SAM transform."""
        client = self.aws.client("cloudformation")
        return client.get_template(StackName=STACK, TemplateStage="Processed")["TemplateBody"]

    @cached_property
    def resources(self):
        """Physical resource ids by logical id."""
        client = self.aws.client("cloudformation")
        found = client.describe_stack_resources(StackName=STACK)["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    @cached_property
    def description(self) -> dict[str, Any]:
        client = self.aws.client("cloudformation")
        return client.describe_stacks(StackName=STACK)["Stacks"][0]

    @cached_property
    def outputs(self):
        return {each["OutputKey"]: each["OutputValue"] for each in self.description["Outputs"]}

    @cached_property
    def parameters(self):
        found = self.description["Parameters"]
        return {each["ParameterKey"]: each["ParameterValue"] for each in found}

    @property
    def account(self):
        return self.description["StackId"].split(":")[4]

    @property
    def updated_at(self):
        return self.description.get("LastUpdatedTime", self.description["CreationTime"])

    @property
    def kms_key(self):
        """The KMS key that encrypts the private keys: the operator's or the stack's own."""
        return self.parameters["KmsKeyArn"] or self.resources["KeyRingKmsKey"]

    def function(self, logical_id):
        """The Lambda configuration of a function."""
        client = self.aws.client("lambda")
        return client.get_function(FunctionName=self.resources[logical_id])["Configuration"]


def build(folder, log):
    """Builds every function into `folder`. Returns the template for `deploy`."""
    # A build needs neither AWS nor the emulator.
    options = {"cwd": WORKSPACE, "env": root_environment("http://127.0.0.1:9")}
    # SAM builds one function after another, mostly on one core. This builds all of them in parallel
    # first.
    arm = ["--arm64"] if PARAMETERS["Architecture"] == "arm64" else []
    run(["cargo", "lambda", "build", "--release", *arm], log, **options)
    run([*_sam("build"), "--build-dir", folder, *_overrides({})], log, **options)
    return _without_unknown_types(folder / "template.yaml")


def _without_unknown_types(template):
    document = yaml.safe_load(template.read_text())
    document["Resources"] = {
        name: resource
        for name, resource in document["Resources"].items()
        if resource["Type"] not in UNKNOWN_TYPES
    }
    template.write_text(yaml.safe_dump(document, sort_keys=False))
    return template


def deploy(endpoint, template, log, **parameters):
    """Creates or updates the stack. Returns it."""
    run(
        [
            *_sam("deploy"),
            "--template-file",
            template,
            "--stack-name",
            STACK,
            "--resolve-s3",
            "--capabilities",
            "CAPABILITY_IAM",
            "--no-confirm-changeset",
            "--no-progressbar",
            *_overrides(parameters),
        ],
        log,
        cwd=template.parent,
        env=root_environment(endpoint),
    )
    return Stack(root(endpoint))


def _sam(command):
    """The SAM CLI, which is installed in the parent environment."""
    sam = Path(sys.prefix).parent / "bin" / "sam"
    return [sam, command, "--region", REGION]


def _overrides(parameters):
    values = {**PARAMETERS, **parameters}
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in values.items())]
