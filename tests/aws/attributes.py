"""The attributes of a user's item that updates of functions name, compared with the policies.

The emulator evaluates `dynamodb:Attributes` for reads only and allows every update. These checks
evaluate the condition for recorded requests.
"""

import json
import re

from key_ring import Admin
from main_job import NEW_PASSWORD, PASSWORD

# Only sign-up writes these; operators write roles and claims too.
SIGN_UP_ONLY = {"name", "email", "created_at"}
OPERATORS_ONLY = {"roles", "claims", "reason", "restored"}

KEYWORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"}


def of_updates_are_allowed(stack, user, report):
    gateway, admin = user.gateway, Admin(stack.aws)
    code = {}

    def reset():
        """Resets the password by an operator's code."""
        code["username"], code["new_password"] = user.name, PASSWORD
        return gateway.post("/password/reset", code)

    def operate(command, **members):
        answer, succeeded = admin({"command": command, "username": user.name, **members})
        assert succeeded, answer
        if "code" in answer:
            code["code"] = answer["code"]["code"]

    recorder = UpdateRecorder(stack)
    recorder.new_updates()
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    for function, request in (
        ("LoginFunction", user.log_in),
        ("RefreshFunction", user.refresh_tokens),
        ("AccountFunction", lambda: gateway.delete("/sessions?keep=current", user.access)),
        (
            "PasswordFunction",
            lambda: user.store_tokens(gateway.post("/password", change, user.access)),
        ),
        ("AccountFunction", lambda: gateway.delete("/sessions", user.access)),
        ("LogoutFunction", lambda: gateway.post("/logout", token=user.access)),
        ("AdminFunction", lambda: operate("users.roles", add=["editor"])),
        ("AdminFunction", lambda: operate("users.claims", set={"plan": "pro"})),
        ("AdminFunction", lambda: operate("users.end-sessions", restored_from="backup")),
        ("AdminFunction", lambda: operate("users.disable", reason="test")),
        ("AdminFunction", lambda: operate("users.enable")),
        ("AdminFunction", lambda: operate("users.reset")),
        ("PasswordFunction", reset),
    ):
        answer = request()
        assert answer is None or answer.status in (200, 204), answer
        updates = recorder.new_updates()
        named = set().union(*map(named_by, updates))
        allowed = allowed_by(policy(stack, function))
        description = (
            f"the update of {function} names {', '.join(sorted(named))}, which its policy allows"
        )
        report.holds(description, updates and named <= allowed, sorted(allowed))
        of_others = SIGN_UP_ONLY | (set() if function == "AdminFunction" else OPERATORS_ONLY)
        report.holds(
            "and the policy allows no attribute that only others write",
            not allowed & of_others,
            sorted(allowed),
        )


class UpdateRecorder:
    """Returns each update that the emulator has recorded once."""

    def __init__(self, stack):
        self.client = stack.aws.client("cloudtrail")
        self.table = stack.resources["UsersTable"]
        self.seen = set()

    def new_updates(self):
        """The requests since the last call."""
        pages = self.client.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "UpdateItem"}]
        )
        found = {event["EventId"]: event for page in pages for event in page["Events"]}
        new = [
            json.loads(event["CloudTrailEvent"])
            for name, event in found.items()
            if name not in self.seen
        ]
        self.seen |= found.keys()
        requests = [event["requestParameters"] for event in new]
        return [request for request in requests if request["TableName"] == self.table]


def named_by(update):
    """The top-level attributes that an update names, including the key."""
    text = " ".join(update.get(name, "") for name in ("UpdateExpression", "ConditionExpression"))
    names = update.get("ExpressionAttributeNames", {})
    # Skips values and functions. The first part of a path is the attribute.
    paths = re.findall(r"(?<![\w:#.])[\w#][\w#.]*(?!\s*\(|[\w#.])", text)
    heads = {path.split(".")[0] for path in paths} - KEYWORDS
    return {names.get(head, head) for head in heads} | update["Key"].keys()


def policy(stack, function):
    """The deployed policy statements of a function."""
    iam, role = stack.aws.client("iam"), stack.resources[f"{function}Role"]
    statements = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        statements += document["Statement"]
    return statements


def allowed_by(statements):
    """The attributes that the condition of a policy allows in an update."""
    (update,) = [
        each
        for each in statements
        if "dynamodb:UpdateItem" in each["Action"] and "LimitsTable" not in str(each["Resource"])
    ]
    assert update["Action"] == ["dynamodb:UpdateItem"], update
    (condition,) = update["Condition"].items()
    operator, keys = condition
    assert (operator, list(keys)) == ("ForAllValues:StringEquals", ["dynamodb:Attributes"]), update
    return set(keys["dynamodb:Attributes"])
