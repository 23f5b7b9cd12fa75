"""What users do, through the gateway and the authorizer."""

import time

import jwt

from deployment import REFRESH_GRACE

PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple battery horse"

GATEWAY_401 = (401, {"message": "Unauthorized"})
GATEWAY_403 = (403, {"message": "Forbidden"})


class User:
    """A user, who knows the tokens of the last answer that had some."""

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
        return self.takes(self.gateway.post("/login", self.credentials()))

    def refreshes(self):
        return self.takes(self.gateway.post("/refresh", token=self.refresh))

    def takes(self, answer):
        if answer.status == 200:
            self.access, self.refresh = answer.body["access_token"], answer.body["refresh_token"]
        return answer

    def entered(self):
        """Signed up and logged in."""
        for answer in (self.sign_up(), self.log_in()):
            assert answer.status in (200, 201), answer
        return self

    def greeting(self, token=None):
        """What the guard says to a token."""
        return self.gateway.get("/protected", token or self.access)

    def is_let_in(self):
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
    report.holds("and says when to ask again", "Retry-After" in keys.headers, keys.headers)


def entering(user, report):
    gateway = user.gateway
    report.equal("POST /signup", user.sign_up().status, 201)
    report.equal(
        "POST /signup of a name that is taken", user.sign_up().verdict, (409, "user_exists")
    )
    weak = {"username": "bob", "password": "password"}
    report.equal(
        "POST /signup with a weak password",
        gateway.post("/signup", weak).verdict,
        (422, "weak_password"),
    )
    report.equal("the first POST /login makes the key ring", user.log_in().status, 200)
    wrong = {**user.credentials(), "password": "not it"}
    report.equal(
        "POST /login with a wrong password",
        gateway.post("/login", wrong).verdict,
        (401, "invalid_credentials"),
    )
    old = gateway.post("/auth", user.credentials())
    report.equal("POST /auth", (old.status, list(old.body)), (200, ["access_token"]))


def the_guard(user, report):
    gateway = user.gateway
    for path in ("/protected", "/protected/fresh", "/protected/optional"):
        answer = gateway.get(path, user.access)
        report.equal(f"GET {path}", (answer.status, answer.body), user.is_let_in())
    report.equal(
        "GET /protected/admin without the role",
        gateway.get("/protected/admin", user.access).verdict,
        (403, "insufficient_role"),
    )
    answer = gateway.get("/protected")
    report.equal("GET /protected without a token", answer.verdict, (401, "missing_token"))
    report.holds("and says how to authenticate", answer.headers["WWW-Authenticate"], answer.headers)
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
        "which removes nothing",
        gateway.get("/workitems", user.access).body,
        {"workitems": [added.body]},
    )
    report.equal("DELETE /workitems/{id}", gateway.delete(path, user.access).status, 204)
    report.equal("which removes it", gateway.get("/workitems", user.access).body, {"workitems": []})
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
    report.equal("GET /sessions shows which session asks", current, [claims["sid"]])
    path = f"/sessions/{claims['sid']}"
    report.equal("DELETE /sessions/{id}", gateway.delete(path, user.access).status, 204)
    report.equal("ends that session", second.greeting().verdict, (401, "token_revoked"))
    report.equal("and no other", (user.greeting().status, user.greeting().body), user.is_let_in())
    assert second.log_in().status == 200
    report.equal(
        "DELETE /sessions?keep=current",
        gateway.delete("/sessions?keep=current", user.access).status,
        204,
    )
    report.equal("ends the other sessions", second.greeting().verdict, (401, "token_revoked"))
    report.equal("and not the one that asks", user.greeting().status, 200)


def refreshing(user, report):
    gateway = user.gateway
    old = user.refresh
    report.equal("POST /refresh", user.refreshes().status, 200)
    report.equal("gives a token that is let in", user.greeting().status, 200)
    report.equal(
        "but is not fresh",
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
        "POST /refresh with the old token later is theft",
        gateway.post("/refresh", token=old).verdict,
        (401, "refresh_token_reused"),
    )
    report.equal("which ends the session", user.greeting().verdict, (401, "token_revoked"))
    report.equal(
        "for the newest refresh token too", user.refreshes().verdict, (401, "token_revoked")
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
    report.equal("POST /password", user.takes(gateway.post("/password", change, old)).status, 200)
    report.equal("gives a fresh token", gateway.get("/protected/fresh", user.access).status, 200)
    report.equal("and ends the old session", user.greeting(old).verdict, (401, "token_revoked"))
    report.equal(
        "POST /login with the old password", user.log_in().verdict, (401, "invalid_credentials")
    )
    user.password = NEW_PASSWORD
    report.equal("POST /login with the new password", user.log_in().status, 200)


def leaving(user, report):
    gateway = user.gateway
    report.equal("POST /logout", gateway.post("/logout", token=user.access).status, 200)
    report.equal("has the guard refuse the token", user.greeting().verdict, (401, "token_revoked"))
    item = gateway.get("/workitems", user.access)
    report.equal("and the authorizer", (item.status, item.body), GATEWAY_403)
    assert user.log_in().status == 200
    report.equal("DELETE /logout", gateway.delete("/logout", user.refresh).status, 200)
    report.equal("has the refresh token refused", user.refreshes().verdict, (401, "token_revoked"))
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
    report.equal("has the guard refuse the token", user.greeting().verdict, (401, "token_revoked"))
    report.equal("and the next login", user.log_in().verdict, (401, "invalid_credentials"))
