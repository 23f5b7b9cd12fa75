"""The tasks of users, through the gateway and the authorizer."""

import time

import jwt

from deployment import REFRESH_GRACE

PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple battery horse"

GATEWAY_401 = (401, {"message": "Unauthorized"})
GATEWAY_403 = (403, {"message": "Forbidden"})


class User:
    """A user with the tokens of the latest answer."""

    def __init__(self, gateway, name):
        self.gateway = gateway
        self.name = name
        self.password = PASSWORD
        self.access = self.refresh = None

    def credentials(self):
        return {"username": self.name, "password": self.password}

    def sign_up(self):
        return self.gateway.post(
            "/signup", {**self.credentials(), "email": f"{self.name}@example.com"}
        )

    def log_in(self):
        return self.store_tokens(self.gateway.post("/login", self.credentials()))

    def refresh_tokens(self):
        return self.store_tokens(self.gateway.post("/refresh", token=self.refresh))

    def store_tokens(self, answer):
        if answer.status == 200:
            self.access, self.refresh = answer.body["access_token"], answer.body["refresh_token"]
        return answer

    def sign_up_and_log_in(self):
        for answer in (self.sign_up(), self.log_in()):
            assert answer.status in (200, 201), answer
        return self

    def greeting(self, token=None):
        """The guard's answer to a token."""
        return self.gateway.get("/protected", token or self.access)

    def expected_greeting(self):
        return 200, {"logged_in_as": self.name}


def before_the_first_login(gateway, report):
    """There is no key ring yet."""
    report.equal("GET /health", gateway.get("/health").status, 200)
    head = gateway.call("HEAD", "/health")
    report.equal("HEAD /health", (head.status, head.body), (200, None))
    keys = gateway.get("/.well-known/jwks.json")
    report.equal(
        "without a key ring the key set is unavailable", keys.verdict, (503, "unavailable")
    )
    report.holds("and has Retry-After", "Retry-After" in keys.headers, keys.headers)


def signing_up_and_logging_in(user, report):
    gateway = user.gateway
    report.equal("POST /signup", user.sign_up().status, 201)
    report.equal(
        "POST /signup with a taken name", user.sign_up().verdict, (409, "user_exists")
    )
    weak = {"username": "bob", "password": "password"}
    report.equal(
        "POST /signup with a weak password",
        gateway.post("/signup", weak).verdict,
        (422, "weak_password"),
    )
    report.equal("the first POST /login creates the key ring", user.log_in().status, 200)
    wrong = {**user.credentials(), "password": "not it"}
    report.equal(
        "POST /login with a wrong password",
        gateway.post("/login", wrong).verdict,
        (401, "invalid_credentials"),
    )
    answer = gateway.post("/auth", user.credentials())
    report.equal("POST /auth", (answer.status, list(answer.body)), (200, ["access_token"]))


def the_guard(user, report):
    gateway = user.gateway
    for path in ("/protected", "/protected/fresh", "/protected/optional"):
        answer = gateway.get(path, user.access)
        report.equal(f"GET {path}", (answer.status, answer.body), user.expected_greeting())
    report.equal(
        "GET /protected/admin without the role",
        gateway.get("/protected/admin", user.access).verdict,
        (403, "insufficient_role"),
    )
    answer = gateway.get("/protected")
    report.equal("GET /protected without a token", answer.verdict, (401, "missing_token"))
    report.holds("and has WWW-Authenticate", answer.headers["WWW-Authenticate"], answer.headers)
    report.equal(
        "GET /protected with garbage",
        gateway.get("/protected", "garbage").verdict,
        (401, "invalid_token"),
    )
    report.equal(
        "GET /protected with a refresh token",
        gateway.get("/protected", user.refresh).verdict,
        (401, "wrong_token_type"),
    )
    anonymous = gateway.get("/protected/optional")
    report.equal(
        "GET /protected/optional without a token",
        (anonymous.status, anonymous.body),
        (200, {"logged_in_as": None}),
    )


def behind_the_authorizer(user, other, report):
    gateway = user.gateway
    added = gateway.post("/workitems", {"title": "one"}, user.access)
    report.equal("POST /workitems", (added.status, added.body.get("title")), (201, "one"))
    listed = gateway.get("/workitems", user.access)
    report.equal("GET /workitems", (listed.status, listed.body), (200, {"workitems": [added.body]}))
    theirs = gateway.get("/workitems", other.access)
    report.equal(
        "GET /workitems of another user", (theirs.status, theirs.body), (200, {"workitems": []})
    )
    path = f"/workitems/{added.body['id']}"
    report.equal(
        "DELETE /workitems/{id} of another user", gateway.delete(path, other.access).status, 204
    )
    report.equal(
        "and removes nothing",
        gateway.get("/workitems", user.access).body,
        {"workitems": [added.body]},
    )
    report.equal("DELETE /workitems/{id}", gateway.delete(path, user.access).status, 204)
    report.equal("and removes it", gateway.get("/workitems", user.access).body, {"workitems": []})
    for method, called in (("GET", "/workitems"), ("POST", "/workitems"), ("DELETE", path)):
        anonymous = gateway.call(method, called)
        report.equal(
            f"{method} /workitems without a token",
            (anonymous.status, anonymous.body),
            GATEWAY_401,
        )
        for name, token in (("garbage", "garbage"), ("a refresh token", user.refresh)):
            answer = gateway.call(method, called, token)
            report.equal(
                f"{method} /workitems with {name}",
                (answer.status, answer.body),
                GATEWAY_403,
            )


def the_account(user, report):
    gateway = user.gateway
    me = gateway.get("/me", user.access)
    shown = (me.status, me.body.get("username"), me.body.get("email"))
    report.equal("GET /me", shown, (200, user.name, f"{user.name}@example.com"))
    second = User(gateway, user.name)
    assert second.log_in().status == 200
    sessions = gateway.get("/sessions", second.access).body["sessions"]
    current = [session["id"] for session in sessions if session["current"]]
    claims = jwt.decode(second.access, options={"verify_signature": False})
    report.equal("GET /sessions marks the current session", current, [claims["sid"]])
    path = f"/sessions/{claims['sid']}"
    report.equal("DELETE /sessions/{id}", gateway.delete(path, user.access).status, 204)
    report.equal("and ends that session", second.greeting().verdict, (401, "token_revoked"))
    greeting = user.greeting()
    report.equal("and no other", (greeting.status, greeting.body), user.expected_greeting())
    assert second.log_in().status == 200
    report.equal(
        "DELETE /sessions?keep=current",
        gateway.delete("/sessions?keep=current", user.access).status,
        204,
    )
    report.equal("and ends the other sessions", second.greeting().verdict, (401, "token_revoked"))
    report.equal("and not the current one", user.greeting().status, 200)


def refreshing(user, report):
    gateway = user.gateway
    old = user.refresh
    report.equal("POST /refresh", user.refresh_tokens().status, 200)
    report.equal("and the guard accepts the new token", user.greeting().status, 200)
    report.equal(
        "which is not fresh",
        gateway.get("/protected/fresh", user.access).verdict,
        (401, "fresh_token_required"),
    )
    again = gateway.post("/refresh", {"refresh_token": old})
    report.equal("POST /refresh with the old token within the grace period", again.status, 200)
    report.equal(
        "POST /refresh with an access token",
        gateway.post("/refresh", token=user.access).verdict,
        (401, "wrong_token_type"),
    )
    time.sleep(REFRESH_GRACE + 1)
    report.equal(
        "POST /refresh with the old token after the grace period is a replay",
        gateway.post("/refresh", token=old).verdict,
        (401, "refresh_token_reused"),
    )
    report.equal("and ends the session", user.greeting().verdict, (401, "token_revoked"))
    report.equal(
        "with its latest refresh token", user.refresh_tokens().verdict, (401, "token_revoked")
    )
    assert user.log_in().status == 200


def a_new_password(user, report):
    gateway = user.gateway
    old = user.access
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    wrong = {**change, "current_password": "not it"}
    report.equal(
        "POST /password with a wrong password",
        gateway.post("/password", wrong, old).verdict,
        (401, "invalid_credentials"),
    )
    answer = user.store_tokens(gateway.post("/password", change, old))
    report.equal("POST /password", answer.status, 200)
    fresh = gateway.get("/protected/fresh", user.access)
    report.equal("and returns a fresh token", fresh.status, 200)
    report.equal("and ends the old session", user.greeting(old).verdict, (401, "token_revoked"))
    report.equal(
        "POST /login with the old password", user.log_in().verdict, (401, "invalid_credentials")
    )
    user.password = NEW_PASSWORD
    report.equal("POST /login with the new password", user.log_in().status, 200)


def logging_out_and_deleting(user, report):
    gateway = user.gateway
    report.equal("POST /logout", gateway.post("/logout", token=user.access).status, 200)
    report.equal("and the guard refuses the token", user.greeting().verdict, (401, "token_revoked"))
    answer = gateway.get("/workitems", user.access)
    report.equal("and the authorizer", (answer.status, answer.body), GATEWAY_403)
    assert user.log_in().status == 200
    report.equal("DELETE /logout", gateway.delete("/logout", user.refresh).status, 200)
    refused = user.refresh_tokens()
    report.equal("and POST /refresh is refused", refused.verdict, (401, "token_revoked"))
    assert user.log_in().status == 200
    wrong = {"password": "not it"}
    report.equal(
        "DELETE /me with a wrong password",
        gateway.delete("/me", user.access, wrong).verdict,
        (401, "invalid_credentials"),
    )
    report.equal(
        "DELETE /me", gateway.delete("/me", user.access, {"password": user.password}).status, 204
    )
    report.equal("and the guard refuses the token", user.greeting().verdict, (401, "token_revoked"))
    report.equal("and the next login", user.log_in().verdict, (401, "invalid_credentials"))
