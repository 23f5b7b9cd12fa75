"""Which attributes of a user's item the functions' updates name, and which they may.

The emulator knows `dynamodb:Attributes` of reads only, so that it lets every update through whose
policy has a condition on it. What IAM would decide is found out here, from recorded requests.
"""

import json
import re

from main_job import NEW_PASSWORD, PASSWORD

# Only sign-up writes these, when the account is made.
NEVER = {"name", "email", "roles", "claims", "created_at"}

KEYWORDS = {"SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "BETWEEN", "IN"}


def of_updates_are_allowed(stack, user, report):
    gateway = user.gateway
    seen = Seen(stack)
    seen.updates()
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    for function, request in (
        ("LoginFunction", user.log_in),
        ("RefreshFunction", user.refreshes),
        ("AccountFunction", lambda: gateway.delete("/sessions?keep=current", user.access)),
        ("PasswordFunction", lambda: user.takes(gateway.post("/password", change, user.access))),
        ("AccountFunction", lambda: gateway.delete("/sessions", user.access)),
        ("LogoutFunction", lambda: gateway.post("/logout", token=user.access)),
    ):
        answer = request()
        assert answer.status in (200, 204), answer
        updates = seen.updates()
        named = set().union(*map(named_by, updates))
        allowed = allowed_by(policy(stack, function))
        sentence = (
            f"the update of {function} names {', '.join(sorted(named))}, which its policy allows"
        )
        report.holds(sentence, updates and named <= allowed, sorted(allowed))
        report.holds(
            "and the policy lets it write no more of the account",
            not allowed & NEVER,
            sorted(allowed),
        )


class Seen:
    """The updates that the emulator has recorded, each once."""

    def __init__(self, stack):
        self.client = stack.aws.client("cloudtrail")
        self.table = stack.resources["UsersTable"]
        self.events = set()

    def updates(self):
        """The requests since the last time this was asked."""
        pages = self.client.get_paginator("lookup_events").paginate(
            LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "UpdateItem"}]
        )
        found = {event["EventId"]: event for page in pages for event in page["Events"]}
        new = [
            json.loads(event["CloudTrailEvent"])
            for name, event in found.items()
            if name not in self.events
        ]
        self.events |= found.keys()
        requests = [event["requestParameters"] for event in new]
        return [request for request in requests if request["TableName"] == self.table]


def named_by(update):
    """The attributes at the top of an item that an update names, its key included."""
    text = " ".join(update.get(name, "") for name in ("UpdateExpression", "ConditionExpression"))
    names = update.get("ExpressionAttributeNames", {})
    # Values and functions are no attributes, and of a path the first part is one.
    paths = re.findall(r"(?<![\w:#.])[\w#][\w#.]*(?!\s*\(|[\w#.])", text)
    heads = {path.split(".")[0] for path in paths} - KEYWORDS
    return {names.get(head, head) for head in heads} | update["Key"].keys()


def policy(stack, function):
    """The statements of a function's policy as IAM has them."""
    iam, role = stack.aws.client("iam"), stack.resources[f"{function}Role"]
    statements = []
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        statements += document["Statement"]
    return statements


def allowed_by(statements):
    """What a policy lets an update name. Without a condition that would be anything."""
    (update,) = [each for each in statements if "dynamodb:UpdateItem" in each["Action"]]
    assert update["Action"] == ["dynamodb:UpdateItem"], update
    (condition,) = update["Condition"].items()
    operator, keys = condition
    assert (operator, list(keys)) == ("ForAllValues:StringEquals", ["dynamodb:Attributes"]), update
    return set(keys["dynamodb:Attributes"])
