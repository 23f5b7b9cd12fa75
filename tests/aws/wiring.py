"""The resource policies of the functions: callers are the gateway and the daily schedule.

The emulator does not evaluate them, so these checks read them.
"""

import json
import re
from fnmatch import fnmatchcase

from botocore.exceptions import ClientError

from emulator import REGION
from gateway import API


def is_complete(stack, routes, authorizers, report):
    """`routes` has the function ARN by route key, and `authorizers` those of the authorizers."""
    api = f"arn:aws:execute-api:{REGION}:{stack.account}:{stack.resources[API]}"
    callers = {
        name: callers_of(stack, name) for name in stack.resources if name.endswith("Function")
    }
    by_arn = {stack.function(name)["FunctionArn"]: name for name in callers}
    for key, arn in sorted(routes.items()):
        method, path = key.split(" ")
        source = f"{api}/$default/{method}{re.sub('{[^}]+}', 'x', path)}"
        allowed = [
            each
            for each in callers[by_arn[arn]]
            if is_for("apigateway.amazonaws.com", source, each)
        ]
        report.holds(f"API Gateway may call {by_arn[arn]} for {key}", allowed, callers[by_arn[arn]])
    for arn in authorizers:
        source = f"{api}/authorizers/x"
        allowed = [
            each
            for each in callers[by_arn[arn]]
            if is_for("apigateway.amazonaws.com", source, each)
        ]
        report.holds(
            f"API Gateway may call {by_arn[arn]} as the authorizer", allowed, callers[by_arn[arn]]
        )
    rule = stack.aws.client("events").describe_rule(Name=stack.resources["AdminFunctionDaily"])
    allowed = [
        each
        for each in callers["AdminFunction"]
        if is_for("events.amazonaws.com", rule["Arn"], each)
    ]
    report.equal("only the daily rule may call AdminFunction", allowed, callers["AdminFunction"])


def callers_of(stack, function):
    """The statements of a function's resource policy."""
    try:
        policy = stack.aws.client("lambda").get_policy(FunctionName=stack.resources[function])
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceNotFoundException", error
        return []
    statements = json.loads(policy["Policy"])["Statement"]
    return [
        (each["Principal"], each["Action"], each["Effect"], each.get("Condition"))
        for each in statements
    ]


def is_for(service, source, caller):
    principal, action, effect, condition = caller
    if (principal, action, effect) != ({"Service": service}, "lambda:InvokeFunction", "Allow"):
        return False
    # Without a source, gateways of other accounts could call the function.
    return condition is not None and fnmatchcase(source, condition["ArnLike"]["AWS:SourceArn"])
