"""The signing keys: what operators and the daily schedule have the `admin` function do."""

import json
import time

import jwt

from deployment import KEYS_MAX_AGE, STACK
from main_job import GATEWAY_403

FUNCTION = f"{STACK}-admin"

# A second for whole seconds on both sides.
UNTIL_USED = KEYS_MAX_AGE + 2


class Admin:
    """The function, as an operator's program calls it."""

    def __init__(self, aws):
        self.client = aws.client("lambda")

    def __call__(self, event):
        """The answer, and whether it is one and not an error."""
        answer = self.client.invoke(FunctionName=FUNCTION, Payload=json.dumps(event))
        return json.load(answer["Payload"]), "FunctionError" not in answer

    def keys(self, command, **members):
        """The ids of the keys after a command, by state."""
        answer, made = self({"command": command, **members})
        assert made, answer
        return {key["state"]: key["kid"] for key in reversed(answer["keys"])}

    def refusal(self, event):
        """Why a command is refused: its type and its message."""
        answer, made = self(event)
        assert not made, answer
        return answer["errorType"], answer["errorMessage"]


def without_a_ring(admin, report):
    kind, reason = admin.refusal({"command": "keys.list"})
    report.holds(
        "keys.list before the first login says that there are no keys",
        "no key ring yet" in reason,
        (kind, reason),
    )
    answer, made = admin({"command": "keys.maintain"})
    report.equal(
        "keys.maintain before the first login has nothing to do",
        (made, answer),
        (True, {"keys": [], "max_age": KEYS_MAX_AGE}),
    )


def rotating(admin, user, report):
    """Two rotations; returns the id of the key that signed before them."""
    first = admin.keys("keys.list")
    report.equal("keys.list shows the key of the first login", list(first), ["current"])
    report.equal("which signs", kid_of(user.access), first["current"])
    both = admin.keys("keys.rotate")
    report.equal(
        "keys.rotate publishes a next key", (both.get("current"), len(both)), (first["current"], 2)
    )
    kind, reason = admin.refusal({"command": "keys.rotate"})
    report.equal("keys.rotate again is refused", kind, "Refused")
    report.holds("and says how to have it", "--force" in reason, reason)
    report.equal("which changes nothing", admin.keys("keys.list"), both)
    after = admin.keys("keys.rotate", force=True)
    expected = (both["next"], both["current"])
    report.equal(
        "keys.rotate with force has the next key sign",
        (after["current"], after["previous"]),
        expected,
    )
    report.holds("and publishes another", after["next"] not in expected, after)
    return after["previous"]


def after_a_rotation(stack, user, report):
    """Tokens of both keys are good, here and elsewhere."""
    old = user.access
    report.equal("GET /protected with a token of the previous key", user.greeting(old).status, 200)
    time.sleep(UNTIL_USED)
    assert user.log_in().status == 200
    report.holds(
        "the next login signs with the new key", kid_of(user.access) != kid_of(old), kid_of(old)
    )
    for name, token in (("previous", old), ("current", user.access)):
        report.equal(f"the guard takes a token of the {name} key", user.greeting(token).status, 200)
        report.equal(
            f"the authorizer takes a token of the {name} key",
            user.gateway.get("/workitems", token).status,
            200,
        )
    keys = user.gateway.get("/.well-known/jwks.json").body
    for name, token in (("previous", old), ("current", user.access)):
        report.equal(
            f"PyJWT takes a token of the {name} key",
            verified(stack, keys, token)["username"],
            user.name,
        )
    for name, token in (
        ("a refresh token", user.refresh),
        ("a token that was changed", changed(user.access)),
    ):
        report.holds(f"PyJWT refuses {name}", is_refused(stack, keys, token), token)
    metadata = user.gateway.get("/.well-known/openid-configuration").body
    report.equal(
        "the metadata name the issuer of the output", metadata["issuer"], stack.outputs["Issuer"]
    )
    return old


def retiring(admin, user, kid, old, report):
    keys = admin.keys("keys.retire", kid=kid)
    report.holds("keys.retire takes the previous key out", kid not in keys.values(), keys)
    time.sleep(UNTIL_USED)
    gateway = user.gateway
    report.equal(
        "the guard refuses the retired key's tokens",
        user.greeting(old).verdict,
        (401, "invalid_token"),
    )
    behind = gateway.get("/workitems", old)
    report.equal("and the authorizer", (behind.status, behind.body), GATEWAY_403)
    for path in ("/me", "/sessions"):
        report.equal(f"and GET {path}", gateway.get(path, old).verdict, (401, "invalid_token"))
    report.equal(
        "and POST /logout", gateway.post("/logout", token=old).verdict, (401, "invalid_token")
    )
    report.equal("tokens of the current key are good", user.greeting().status, 200)
    published = [key["kid"] for key in gateway.get("/.well-known/jwks.json").body["keys"]]
    report.equal("the retired key is not published", sorted(published), sorted(keys.values()))
    again = admin.keys("keys.retire", kid=kid)
    report.equal("keys.retire of a retired key changes nothing", again, keys)
    kind, reason = admin.refusal({"command": "keys.retire", "kid": "none"})
    report.equal("keys.retire of no key is refused", (kind, "none" in reason), ("Refused", True))


def the_daily_schedule(stack, admin, report):
    """The rule, and what the function makes of its event."""
    client = stack.aws.client("events")
    rule = client.describe_rule(Name=stack.resources["AdminFunctionDaily"])
    report.equal(
        "the rule is due every day",
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
    report.equal("the function does what is due", admin.keys(**json.loads(target["Input"])), before)
    for event in (
        {"command": "keys.burn"},
        {"command": "keys.rotate", "forced": True},
        {"command": "keys.list", "more": 1},
        {},
    ):
        kind, _ = admin.refusal(event)
        report.equal(f"{json.dumps(event)} is no command", kind, "Request")


def make_kms_key(stack):
    """A key of the operator's; returns its ARN."""
    return stack.aws.client("kms").create_key()["KeyMetadata"]["Arn"]


def another_kms_key(admin, user, report):
    """The private keys were sealed with the one before."""
    old = user.access
    answer = user.log_in()
    report.equal("POST /login cannot open the private keys", answer.verdict, (503, "unavailable"))
    report.equal("tokens are verified without them", user.greeting(old).status, 200)
    before = admin.keys("keys.list")
    after = admin.keys("keys.reset")
    report.holds("keys.reset has a new key sign", after["current"] not in before.values(), after)
    time.sleep(UNTIL_USED)
    report.equal("POST /login signs with it", user.log_in().status, 200)
    report.equal("which is the one that signs", kid_of(user.access), after["current"])
    for name, token in (("before", old), ("after", user.access)):
        report.equal(f"tokens of {name} the reset are good", user.greeting(token).status, 200)


def kid_of(token):
    return jwt.get_unverified_header(token)["kid"]


def verified(stack, keys, token):
    """The claims of a token, as another service verifies it."""
    key = jwt.PyJWKSet.from_dict(keys)[kid_of(token)]
    issuer = stack.outputs["Issuer"]
    return jwt.decode(token, key, [key.algorithm_name], audience=issuer, issuer=issuer)


def is_refused(stack, keys, token):
    try:
        verified(stack, keys, token)
    except jwt.InvalidTokenError:
        return True
    return False


def changed(token):
    """The same token with another character in its claims."""
    header, claims, signature = token.split(".")
    return ".".join(
        (header, claims[:-2] + ("A" if claims[-2] != "A" else "B") + claims[-1], signature)
    )
