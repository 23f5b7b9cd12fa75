"""Whose account a token of the old service opens: the one that was moved, and no other."""

from case import PASSWORD, expect, expect_forbidden, expect_refusal
from old_tokens import FlaskJwtExtended
from recipe import USERS, dynamodb, item, log_in, move, row
from tokens import claims_of

NEW_PASSWORD = "a different horse battery"


def expect_nothing(case, identity, what):
    """The tokens of this identity open nothing, on any route."""
    old = FlaskJwtExtended()
    access = old.access(identity, fresh=True)
    for path in ("/protected", "/protected/optional", "/me", "/sessions"):
        expect_refusal(case.stack.get(path, access), f"{what}: {path}")
    expect_forbidden(case.stack.get("/workitems", access), what)
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    expect_refusal(case.stack.post("/password", change, access), f"{what}: /password")
    deletion = case.stack.call("DELETE", "/me", access, {"password": PASSWORD})
    expect_refusal(deletion, f"{what}: DELETE /me")
    expect_refusal(case.stack.post("/refresh", token=old.refresh(identity)), f"{what}: /refresh")


def expect_account(case, identity, user):
    """Its tokens open the account of that id."""
    old = FlaskJwtExtended()
    assert expect(case.stack.get("/me", old.access(identity)))["id"] == user
    pair = expect(case.stack.post("/refresh", token=old.refresh(identity)))
    assert claims_of(pair["access_token"])["sub"] == user


def sign_up(case, username):
    expect(case.stack.post("/signup", {"username": username, "password": PASSWORD}), 201)


def delete(case, username):
    access = expect(log_in(case.stack, username))["access_token"]
    expect(case.stack.call("DELETE", "/me", access, {"password": PASSWORD}), 204)


def old_tokens_reach_the_account(case):
    """It can be looked at, and its sessions ended. None of them is the old token's."""
    access = FlaskJwtExtended().access()
    assert expect(case.stack.get("/me", access))["id"] == case.user
    sessions = expect(case.stack.get("/sessions", access))["sessions"]
    assert sessions and not any(session["current"] for session in sessions), sessions
    expect(case.stack.call("DELETE", f"/sessions/{sessions[0]['id']}", access), 204)
    assert len(expect(case.stack.get("/sessions", access))["sessions"]) == len(sessions) - 1
    refused = case.stack.get("/me", FlaskJwtExtended().refresh())
    assert (refused.status, refused.code) == (401, "wrong_token_type"), refused


def identities_are_compared_byte_for_byte(case):
    """The old service may have told `Root` from `root`, of whom one was moved."""
    move(case.stack, row("root", "id-of-root", identity="root", roles=["admin"]))
    expect_account(case, "root", "id-of-root")
    for identity in ("Root", "ROOT", "root ", " root", "root\0", "ｒｏｏｔ", "id-of-root"):
        expect_nothing(case, identity, f"{identity!r}")
    move(case.stack, row("José", "id-of-jose", identity="José"))
    expect_account(case, "José", "id-of-jose")
    expect_nothing(case, "Jose\u0301", "another composition")


def a_sign_up_never_answers_to_an_old_token(case):
    """The name of a user who was not moved brings its next owner nothing of that user's."""
    for name in ("carol", "4711"):
        expect_nothing(case, name, f"{name}, before")
        sign_up(case, name)
        expect_nothing(case, name, f"{name}, signed up")
        expect(log_in(case.stack, name))


def the_next_owner_of_a_name_has_nothing_of_the_last(case):
    move(case.stack, row("Dave", "id-of-dave", identity="dave"))
    expect_account(case, "dave", "id-of-dave")
    delete(case, "dave")
    expect_nothing(case, "dave", "deleted")
    sign_up(case, "dave")
    expect_nothing(case, "dave", "signed up again")
    expect(log_in(case.stack, "dave"))


def an_account_that_was_disabled_or_restored_decides(case):
    """By its state, its id and its version, as they are now."""
    move(case.stack, row("Erin", "id-of-erin", identity="erin"))
    moved = item(case.stack, USERS, "erin")

    def put(**attributes):
        dynamodb(case.stack).put_item(TableName=USERS, Item={**moved, **attributes})

    put(status={"S": "disabled"})
    expect_nothing(case, "erin", "disabled")
    put(version={"N": "1"})
    expect_nothing(case, "erin", "a password was changed")
    put(id={"S": "another"})
    expect_nothing(case, "erin", "of another id")
    put()
    expect_account(case, "erin", "id-of-erin")


def old_tokens_end_with_the_password(case):
    """An old token can change it, and is answered a session of ours."""
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
    expect_nothing(case, "fred", "the password was changed")
    claims = claims_of(changed["access_token"])
    assert (claims["sub"], claims["fresh"]) == ("id-of-fred", True), claims
    renewed = expect(case.stack.post("/refresh", token=changed["refresh_token"]))
    expect(case.stack.get("/workitems", renewed["access_token"]))
    expect(log_in(case.stack, "fred", NEW_PASSWORD))
