"""The signing keys: commands of operators and the daily schedule to the `admin` function."""

import json
import time

import jwt

from deployment import KEYS_MAX_AGE, STACK
from main_job import GATEWAY_403

FUNCTION = f"{STACK}-admin"

# Seconds until every function has fetched the keys. Both times are rounded to whole seconds.
REFETCH_SECONDS = KEYS_MAX_AGE + 2


class Admin:
    """A client of the `admin` function."""

    def __init__(self, aws):
        self.client = aws.client("lambda")

    def __call__(self, event):
        """Invokes the function. Returns the answer, and whether it succeeded."""
        answer = self.client.invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
        return json.load(answer["Payload"]), "FunctionError" not in answer

    def keys(self, command, **members):
        """Runs a command. Returns the resulting key ids by state."""
        answer, succeeded = self({"command": command, **members})
        assert succeeded, answer
        return {key["state"]: key["kid"] for key in reversed(answer["keys"])}

    def refusal(self, event):
        """Runs a refused command. Returns the type and the message of the error."""
        answer, succeeded = self(event)
        assert not succeeded, answer
        return answer["errorType"], answer["errorMessage"]


def without_a_ring(admin, report):
    kind, reason = admin.refusal({"command": "keys.list"})
    report.holds(
        "keys.list before the first login reports a missing key ring",
        "no key ring yet" in reason,
        (kind, reason),
    )
    answer, succeeded = admin({"command": "keys.maintain"})
    report.equal(
        "keys.maintain before the first login does nothing",
        (succeeded, answer),
        (True, {"keys": [], "max_age": KEYS_MAX_AGE}),
    )


def rotating(admin, user, report):
    """Rotates twice. Returns the id of the key that signed before."""
    first = admin.keys("keys.list")
    report.equal("keys.list shows the key of the first login", list(first), ["current"])
    report.equal("which signs the tokens", kid_of(user.access), first["current"])
    both = admin.keys("keys.rotate")
    report.equal(
        "keys.rotate publishes a next key", (both.get("current"), len(both)), (first["current"], 2)
    )
    kind, reason = admin.refusal({"command": "keys.rotate"})
    report.equal("a second keys.rotate is refused", kind, "Refused")
    report.holds("and names `--force`", "--force" in reason, reason)
    report.equal("and changes nothing", admin.keys("keys.list"), both)
    after = admin.keys("keys.rotate", force=True)
    expected = (both["next"], both["current"])
    report.equal(
        "keys.rotate with force promotes the next key",
        (after["current"], after["previous"]),
        expected,
    )
    report.holds("and publishes another", after["next"] not in expected, after)
    return after["previous"]


def after_rotations(stack, user, report):
    """Tokens of both keys are accepted by the stack and by PyJWT. Returns the older token."""
    old = user.access
    report.equal("GET /protected with a token of the previous key", user.greeting(old).status, 200)
    time.sleep(REFETCH_SECONDS)
    assert user.log_in().status == 200
    report.holds(
        "the next login signs with the new key", kid_of(user.access) != kid_of(old), kid_of(old)
    )
    for name, token in (("previous", old), ("current", user.access)):
        report.equal(f"the guard accepts the {name} key's token", user.greeting(token).status, 200)
        report.equal(
            f"the authorizer accepts the {name} key's token",
            user.gateway.get("/workitems", token).status,
            200,
        )
    keys = user.gateway.get("/.well-known/jwks.json").body
    for name, token in (("previous", old), ("current", user.access)):
        report.equal(
            f"PyJWT accepts the {name} key's token",
            verify(stack, keys, token)["username"],
            user.name,
        )
    for name, token in (
        ("a refresh token", user.refresh),
        ("a modified token", modified(user.access)),
    ):
        report.holds(f"PyJWT refuses {name}", is_refused(stack, keys, token), token)
    metadata = user.gateway.get("/.well-known/openid-configuration").body
    report.equal(
        "the metadata have the issuer of the output", metadata["issuer"], stack.outputs["Issuer"]
    )
    return old


def retiring(admin, user, kid, old, report):
    keys = admin.keys("keys.retire", kid=kid)
    report.holds("keys.retire removes the previous key", kid not in keys.values(), keys)
    time.sleep(REFETCH_SECONDS)
    gateway = user.gateway
    report.equal(
        "the guard refuses the retired key's tokens",
        user.greeting(old).verdict,
        (401, "invalid_token"),
    )
    answer = gateway.get("/workitems", old)
    report.equal("and the authorizer", (answer.status, answer.body), GATEWAY_403)
    for path in ("/me", "/sessions"):
        report.equal(f"and GET {path}", gateway.get(path, old).verdict, (401, "invalid_token"))
    report.equal(
        "and POST /logout", gateway.post("/logout", token=old).verdict, (401, "invalid_token")
    )
    report.equal("tokens of the current key are accepted", user.greeting().status, 200)
    published = [key["kid"] for key in gateway.get("/.well-known/jwks.json").body["keys"]]
    report.equal("the retired key is not published", sorted(published), sorted(keys.values()))
    again = admin.keys("keys.retire", kid=kid)
    report.equal("keys.retire of a retired key changes nothing", again, keys)
    kind, reason = admin.refusal({"command": "keys.retire", "kid": "none"})
    found = (kind, "none" in reason)
    report.equal("keys.retire of an unknown key is refused", found, ("Refused", True))


def the_daily_schedule(stack, admin, report):
    """The rule, and the function's answer to its event."""
    client = stack.aws.client("events")
    rule = client.describe_rule(Name=stack.resources["AdminFunctionDaily"])
    report.equal(
        "the rule is enabled and runs every day",
        (rule["ScheduleExpression"], rule["State"]),
        ("rate(1 day)", "ENABLED"),
    )
    (target,) = client.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    report.equal(
        "its target is the admin function",
        target["Arn"],
        stack.function("AdminFunction")["FunctionArn"],
    )
    report.equal(
        "its event is the daily command", json.loads(target["Input"]), {"command": "keys.maintain"}
    )
    before = admin.keys("keys.list")
    after = admin.keys(**json.loads(target["Input"]))
    report.equal("the function accepts the event and changes nothing", after, before)
    for event in (
        {"command": "keys.burn"},
        {"command": "keys.rotate", "forced": True},
        {"command": "keys.list", "more": 1},
        {},
    ):
        kind, _ = admin.refusal(event)
        report.equal(f"{json.dumps(event)} is refused", kind, "Request")


def make_kms_key(stack):
    """Creates a KMS key of the operator. Returns its ARN."""
    return stack.aws.client("kms").create_key()["KeyMetadata"]["Arn"]


def another_kms_key(admin, user, report):
    """The private keys are still encrypted with the previous KMS key."""
    old = user.access
    answer = user.log_in()
    report.equal("POST /login cannot decrypt its key", answer.verdict, (503, "unavailable"))
    report.equal("tokens are verified without them", user.greeting(old).status, 200)
    before = admin.keys("keys.list")
    after = admin.keys("keys.reset")
    is_new = after["current"] not in before.values()
    report.holds("keys.reset creates a new current key", is_new, after)
    time.sleep(REFETCH_SECONDS)
    report.equal("POST /login works again", user.log_in().status, 200)
    report.equal("and signs with the new key", kid_of(user.access), after["current"])
    for name, token in (("before", old), ("after", user.access)):
        report.equal(f"a token from {name} the reset is accepted", user.greeting(token).status, 200)


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


def verify(stack, keys, token):
    """Verifies a token with the published keys. Returns the claims."""
    key = jwt.PyJWKSet.from_dict(keys)[kid_of(token)]
    issuer = stack.outputs["Issuer"]
    return jwt.decode(token, key, [key.algorithm_name], audience=issuer, issuer=issuer)


def is_refused(stack, keys, token):
    try:
        verify(stack, keys, token)
    except jwt.InvalidTokenError:
        return True
    return False


def modified(token):
    """The token with another character in its claims."""
    header, claims, signature = token.split(".")
    return ".".join(
        (header, claims[:-2] + ("A" if claims[-2] != "A" else "B") + claims[-1], signature)
    )
