"""The deployed policy of each function, checked by calls with the function's role."""

from calls import ALLOW_ALL, Call, on_tables, on_the_kms_key, on_other_services
from deployment import Aws

BEHIND_THE_GUARD = {"get_item users", "get_item keys"}
SIGNING = {*BEHIND_THE_GUARD, "update_item users", "decrypt"}

# Allowed calls by function. All other calls must be refused.
ALLOWED = {
    "SignupFunction": {"put_item users", "update_item limits"},
    "LoginFunction": {*SIGNING, "update_item limits", "put_item keys", "encrypt"},
    "RefreshFunction": SIGNING,
    "PasswordFunction": {*SIGNING, "update_item limits"},
    "LogoutFunction": {"update_item users", "get_item keys"},
    "AccountFunction": {
        *BEHIND_THE_GUARD,
        "update_item users",
        "delete_item users",
        "update_item limits",
    },
    "ProtectedFunction": BEHIND_THE_GUARD,
    "AuthorizerFunction": BEHIND_THE_GUARD,
    "WorkitemsFunction": {
        *BEHIND_THE_GUARD,
        "query work items",
        "put_item work items",
        "delete_item work items",
    },
    "DiscoveryFunction": {"get_item keys"},
    "AdminFunction": {
        "get_item keys",
        "put_item keys",
        "encrypt",
        "get_item users",
        "put_item users",
        "update_item users",
        "delete_item users",
        "scan users",
        "delete_item limits",
        "query work items",
        "delete_item work items",
    },
}

# The functions that accept tokens of a Flask service, and the calls that this needs.
ACCEPT_OLD_TOKENS = {
    "RefreshFunction",
    "AccountFunction",
    "PasswordFunction",
    "ProtectedFunction",
    "WorkitemsFunction",
    "AuthorizerFunction",
}
OLD_TOKENS = {"get_secret_value", "get_item old users"}

# Every function may do this.
LOGGING = {"create_log_stream"}


def are_what_functions_need(stack, administrator, report):
    functions = {name for name in stack.resources if name.endswith("Function")}
    report.equal("every function is checked", sorted(ALLOWED), sorted(functions))
    assumable = [
        function
        for function in ALLOWED
        if Call("sts", "assume_role", role_of(stack, function)).is_allowed(administrator)
    ]
    report.equal("an administrator can assume the role of no function", assumable, [])
    shared = on_tables(stack) | on_the_kms_key(stack)
    for function, allowed in ALLOWED.items():
        if stack.parameters["FlaskKeysSecretArn"] and function in ACCEPT_OLD_TOKENS:
            allowed = allowed | OLD_TOKENS
        aws = assume(stack.aws, role_of(stack, function))
        calls = shared | on_other_services(stack, function)
        found = {name for name, call in calls.items() if call.is_allowed(aws)}
        report.equal(
            f"{function} may {', '.join(sorted(allowed))}, "
            f"and is refused {len(calls) - len(found)} other calls",
            sorted(found),
            sorted(allowed | LOGGING),
        )


def role_of(stack, function):
    name = stack.resources[f"{function}Role"]
    arn = f"arn:aws:iam::{stack.account}:role/{name}"
    return {"RoleArn": arn, "RoleSessionName": "check"}


def assume(aws, role):
    """Clients with a function's role. In the emulator, the root user can assume service roles."""
    keys = aws.client("sts").assume_role(**role)["Credentials"]
    return Aws(aws.endpoint, (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]))


def make_administrator(stack):
    """Creates an IAM user with all permissions. Returns clients with its credentials."""
    iam = stack.aws.client("iam")
    name = {"UserName": "administrator"}
    iam.create_user(**name)
    iam.put_user_policy(**name, PolicyName="anything", PolicyDocument=ALLOW_ALL)
    key = iam.create_access_key(**name)["AccessKey"]
    return Aws(stack.aws.endpoint, (key["AccessKeyId"], key["SecretAccessKey"]))
