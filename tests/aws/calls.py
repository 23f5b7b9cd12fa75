"""Valid AWS calls for checks of permissions. They change nothing that other checks need."""

import json
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

ALLOW_ALL = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
)

TABLES = {
    "users": "UsersTable",
    "keys": "KeysTable",
    "work items": "WorkItemsTable",
    "old users": "LegacyTable",
    "limits": "LimitsTable",
}


@dataclass(frozen=True)
class Call:
    service: str
    operation: str
    arguments: dict[str, Any]

    def is_allowed(self, aws):
        """Makes the call. Returns whether IAM allows it; other errors are raised."""
        try:
            getattr(aws.client(self.service), self.operation)(**self.arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"):
                return False
            raise
        return True


def on_tables(stack):
    """Calls of DynamoDB by name."""
    calls = {}
    for name, logical_id in TABLES.items():
        if logical_id not in stack.resources:
            continue
        schema = stack.template["Resources"][logical_id]["Properties"]["KeySchema"]
        key = {attribute["AttributeName"]: {"S": "unknown"} for attribute in schema}
        table, partition = stack.resources[logical_id], next(iter(key))
        by_key = {
            "KeyConditionExpression": f"{partition} = :key",
            "ExpressionAttributeValues": {":key": {"S": "unknown"}},
        }
        # Every policy that allows updates of the table allows this attribute.
        attribute = "expires" if name == "limits" else "sessions"
        update = {
            "UpdateExpression": "SET #attribute = :none",
            "ExpressionAttributeNames": {"#attribute": attribute},
            "ExpressionAttributeValues": {":none": {"M": {}}},
        }
        for operation, arguments in {
            "get_item": {"Key": key},
            "put_item": {"Item": key},
            "update_item": {"Key": key, **update},
            "delete_item": {"Key": key},
            "query": by_key,
            "scan": {},
            "update_table": {"DeletionProtectionEnabled": True},
            "describe_table": {},
        }.items():
            arguments = {"TableName": table, **arguments}
            calls[f"{operation} {name}"] = Call("dynamodb", operation, arguments)
        for operation, requests in {
            "batch_get_item": {"Keys": [key]},
            "batch_write_item": [{"PutRequest": {"Item": key}}],
        }.items():
            arguments = {"RequestItems": {table: requests}}
            calls[f"{operation} {name}"] = Call("dynamodb", operation, arguments)
    return calls


def on_the_kms_key(stack):
    key = {"KeyId": stack.kms_key}
    ciphertext = stack.aws.client("kms").encrypt(**key, Plaintext=b"text")["CiphertextBlob"]
    return {
        operation: Call("kms", operation, {**key, **arguments})
        for operation, arguments in {
            "encrypt": {"Plaintext": b"text"},
            "decrypt": {"CiphertextBlob": ciphertext},
            "generate_data_key": {"KeySpec": "AES_256"},
            "describe_key": {},
            "put_key_policy": {"Policy": ALLOW_ALL},
            "schedule_key_deletion": {},
        }.items()
    }


def on_other_services(stack, function):
    """Calls of Lambda, IAM, Secrets Manager and CloudWatch Logs, some of which raise privileges."""
    name, role = stack.resources[function], stack.resources[f"{function}Role"]
    logs = {"logGroupName": stack.resources[function.replace("Function", "Logs")]}
    policy = {"PolicyName": "more", "PolicyDocument": ALLOW_ALL}
    list_keys = {"Payload": b'{"command":"keys.list"}'}
    calls = {
        "invoke admin": Call(
            "lambda", "invoke", {"FunctionName": stack.resources["AdminFunction"], **list_keys}
        ),
        "update_function_configuration": Call(
            "lambda", "update_function_configuration", {"FunctionName": name, "Timeout": 3}
        ),
        "put_role_policy": Call("iam", "put_role_policy", {"RoleName": role, **policy}),
        "list_secrets": Call("secretsmanager", "list_secrets", {}),
        "filter_log_events": Call("logs", "filter_log_events", logs),
        "create_log_stream": Call(
            "logs", "create_log_stream", {**logs, "logStreamName": f"check {stack.updated_at}"}
        ),
    }
    if secret := stack.parameters["FlaskKeysSecretArn"]:
        calls["get_secret_value"] = Call("secretsmanager", "get_secret_value", {"SecretId": secret})
    return calls
