"""Tokens of the old service open only the account that was moved for their identity."""

from case import PASSWORD, expect, expect_forbidden, expect_refusal
from old_tokens import FlaskJwtExtended
from recipe import USERS, dynamodb, item, log_in, move, row
from tokens import claims_of

NEW_PASSWORD = "a different horse battery"


def expect_refused_everywhere(case, identity, context):
    """Every route refuses tokens with this identity."""
    old = FlaskJwtExtended()
    access = old.access(identity, fresh=True)
    for path in ("/protected", "/protected/optional", "/me", "/sessions"):
        expect_refusal(case.stack.get(path, access), f"{context}: {path}")
    expect_forbidden(case.stack.get("/workitems", access), context)
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    expect_refusal(case.stack.post("/password", change, access), f"{context}: /password")
    deletion = case.stack.call("DELETE", "/me", access, {"password": PASSWORD})
    expect_refusal(deletion, f"{context}: DELETE /me")
    expect_refusal(case.stack.post("/refresh", token=old.refresh(identity)), f"{context}: /refresh")


def expect_account(case, identity, user):
    """Tokens with this identity open the account with the id `user`."""
    old = FlaskJwtExtended()
    assert expect(case.stack.get("/me", old.access(identity)))["id"] == user
    pair = expect(case.stack.post("/refresh", token=old.refresh(identity)))
    assert claims_of(pair["access_token"])["sub"] == user


def sign_up(case, username):
    expect(case.stack.post("/signup", {"username": username, "password": PASSWORD}), 201)


def delete(case, username):
    access = expect(log_in(case.stack, username))["access_token"]
    expect(case.stack.call("DELETE", "/me", access, {"password": PASSWORD}), 204)


def old_tokens_open_the_moved_account(case):
    """They read the account and end its sessions, none of which is the token's own."""
    access = FlaskJwtExtended().access()
    assert expect(case.stack.get("/me", access))["id"] == case.user
    sessions = expect(case.stack.get("/sessions", access))["sessions"]
    assert sessions and not any(session["current"] for session in sessions), sessions
    expect(case.stack.call("DELETE", f"/sessions/{sessions[0]['id']}", access), 204)
    assert len(expect(case.stack.get("/sessions", access))["sessions"]) == len(sessions) - 1
    refused = case.stack.get("/me", FlaskJwtExtended().refresh())
    assert (refused.status, refused.code) == (401, "wrong_token_type"), refused


def identities_are_compared_byte_for_byte(case):
    """`Root` and `root` may be two users of the old service, of whom only one was moved."""
    move(case.stack, row("root", "id-of-root", identity="root", roles=["admin"]))
    expect_account(case, "root", "id-of-root")
    for identity in ("Root", "ROOT", "root ", " root", "root\0", "ｒｏｏｔ", "id-of-root"):
        expect_refused_everywhere(case, identity, f"{identity!r}")
    move(case.stack, row("José", "id-of-jose", identity="José"))
    expect_account(case, "José", "id-of-jose")
    expect_refused_everywhere(case, "Jose\u0301", "another composition")


def old_tokens_never_open_an_account_from_sign_up(case):
    """Even if its name is that of a user of the old service who was not moved."""
    for name in ("carol", "4711"):
        expect_refused_everywhere(case, name, f"{name}, before")
        sign_up(case, name)
        expect_refused_everywhere(case, name, f"{name}, signed up")
        expect(log_in(case.stack, name))


def old_tokens_do_not_open_an_account_that_reuses_the_name(case):
    move(case.stack, row("Dave", "id-of-dave", identity="dave"))
    expect_account(case, "dave", "id-of-dave")
    delete(case, "dave")
    expect_refused_everywhere(case, "dave", "deleted")
    sign_up(case, "dave")
    expect_refused_everywhere(case, "dave", "signed up again")
    expect(log_in(case.stack, "dave"))


def old_tokens_need_an_active_unchanged_account(case):
    """Its current status, id and version decide."""
    move(case.stack, row("Erin", "id-of-erin", identity="erin"))
    moved = item(case.stack, USERS, "erin")

    def put(**attributes):
        dynamodb(case.stack).put_item(TableName=USERS, Item={**moved, **attributes})

    put(status={"S": "disabled"})
    expect_refused_everywhere(case, "erin", "disabled")
    put(version={"N": "1"})
    expect_refused_everywhere(case, "erin", "a password was changed")
    put(id={"S": "another"})
    expect_refused_everywhere(case, "erin", "of another id")
    put()
    expect_account(case, "erin", "id-of-erin")


def a_password_change_ends_old_tokens(case):
    """The change accepts an old token and starts a session."""
    move(case.stack, row("Fred", "id-of-fred", identity="fred"))
    old = FlaskJwtExtended()
    access, refresh = old.access("fred"), old.refresh("fred")
    pair = expect(case.stack.post("/refresh", token=refresh))
    wrong = {"current_password": NEW_PASSWORD, "new_password": "a horse of another colour"}
    refused = case.stack.post("/password", wrong, access)
    assert (refused.status, refused.code) == (401, "invalid_credentials"), refused

    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    changed = expect(case.stack.post("/password", change, access))
    for token in (access, pair["access_token"]):
        refused = case.stack.get("/protected", token)
        assert (refused.status, refused.code) == (401, "token_revoked"), refused
    expect_refused_everywhere(case, "fred", "the password was changed")
    claims = claims_of(changed["access_token"])
    assert (claims["sub"], claims["fresh"]) == ("id-of-fred", True), claims
    renewed = expect(case.stack.post("/refresh", token=changed["refresh_token"]))
    expect(case.stack.get("/workitems", renewed["access_token"]))
    expect(log_in(case.stack, "fred", NEW_PASSWORD))
