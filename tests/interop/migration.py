"""The migration program: what it moves and refuses, and that moved users can log in."""

import json
import subprocess
import sys
import time
from unicodedata import category

from argon2 import PasswordHasher, Type

from case import PASSWORD, expect
from old_tokens import FlaskJwtExtended
from recipe import HASH, USERS, check, item, log_in, move, row, run
from tokens import claims_of
from users import Refused, key_of


def a_moved_user_logs_in_with_every_spelling(case):
    """Including a name that ends in sigma, whose lower case depends on its position."""
    email, claims = "gina@Example.com", {"plan": {"name": "pro", "seats": 3, "share": 0.5}}
    members = {"roles": ["admin", "editor"], "email": email, "claims": claims}
    move(case.stack, row("ΓΙΩΡΓΟΣ", "auth0|5f7c8ec7c33c6c004bbafe82", **members))
    for spelling in ("ΓΙΩΡΓΟΣ", "γιωργος", "Γιωργος"):
        access = expect(log_in(case.stack, spelling))["access_token"]
        found = claims_of(access)
        expected = ("auth0|5f7c8ec7c33c6c004bbafe82", claims["plan"])
        assert (found["sub"], found["plan"]) == expected, found
        expect(case.stack.get("/protected/admin", access))
    me = expect(case.stack.get("/me", access))
    assert (me["username"], me["email"]) == ("ΓΙΩΡΓΟΣ", "gina@example.com"), me
    assert me["roles"] == ["admin", "editor"] and me["created_at"].startswith("20"), me


def the_program_can_be_run_again(case):
    """After an interruption, and after an account was changed or deleted."""
    rows = [row(f"user{number}", number, identity=number) for number in range(20, 30)]
    assert move(case.stack, *rows[:4]) == "4 moved, 0 already there, 0 refused"
    change = {"current_password": PASSWORD, "new_password": "a horse of another colour"}
    access = expect(log_in(case.stack, "user20"))["access_token"]
    expect(case.stack.post("/password", change, access))
    changed = item(case.stack, USERS, "user20")
    assert move(case.stack, *rows) == "6 moved, 4 already there, 0 refused"
    assert item(case.stack, USERS, "user20") == changed
    assert changed["version"] == {"N": "1"}

    access = expect(log_in(case.stack, "user21"))["access_token"]
    expect(case.stack.call("DELETE", "/me", access, {"password": PASSWORD}), 204)
    code, summary, messages = run(case.stack, rows)
    assert (code, summary) == (1, "0 moved, 9 already there, 1 refused"), summary
    deleted = "the user was moved before, and the account was deleted or renamed since"
    assert messages == [f"line 2: refused: {deleted}"], messages
    assert item(case.stack, USERS, "user21") is None

    # Another user signs up with the free name.
    expect(case.stack.post("/signup", {"username": "user21", "password": PASSWORD}), 201)
    code, _, messages = run(case.stack, rows[1:2])
    taken = "line 1: refused: the name belongs to another account here"
    assert (code, messages) == (1, [taken]), messages


def an_identity_can_be_added_later_but_not_reassigned(case):
    move(case.stack, row("later", 40))
    assert move(case.stack, row("later", 40, identity=40)) == "1 moved, 0 already there, 0 refused"
    expect_greeting_of(case, "later", FlaskJwtExtended().access("40"))
    code, _, messages = run(case.stack, [row("thief", 41, identity=40)])
    taken = "line 1: refused: the identity belongs to another account here"
    assert (code, messages) == (1, [taken]), messages
    assert item(case.stack, USERS, "thief") is None


def expect_greeting_of(case, username, token, **options):
    answer = case.stack.get("/protected", token, **options)
    assert (answer.status, answer.body) == (200, {"logged_in_as": username}), answer


def a_dry_run_or_a_refused_row_writes_nothing(case):
    rows = [row("dry", 50), row("two words", 51)]
    for options in ((), ("--dry-run",), ("--dry-run", "--skip-refused")):
        code, summary, _ = run(case.stack, rows, *options)
        assert (code, summary) == (1, "0 moved, 0 already there, 1 refused"), summary
        assert item(case.stack, USERS, "dry") is None
    code, summary, _ = run(case.stack, rows[:1], "--dry-run")
    assert (code, summary, item(case.stack, USERS, "dry")) == (
        0,
        "0 moved, 0 already there, 0 refused",
        None,
    )
    code, _, messages = run(case.stack, rows[:1], "--users-table", "Other")
    assert code == 1 and messages[-1].startswith("stopped, run the program again: "), messages
    code, summary, _ = run(case.stack, rows, "--skip-refused")
    assert (code, summary) == (1, "1 moved, 0 already there, 1 refused"), summary
    expect(log_in(case.stack, "dry"))


def invalid_rows_are_refused(case):
    later, good = int(time.time()) + 1_000, row("x", 1)
    for part, change in (
        ("`username` is missing", {"username": None}),
        ("`username` must be a string", {"username": 7}),
        ("`username` must not be empty", {"username": ""}),
        ("`username` must be at most 128 characters long", {"username": "x" * 129}),
        ("`username` must not contain U+0020", {"username": "two words"}),
        ("`username` must not contain U+200B", {"username": "al\u200bice"}),
        ("`username` must not contain U+1F600", {"username": "😀"}),
        ("`username` must not mix letters", {"username": "aא"}),
        ("`id` is missing", {"id": None}),
        *(
            ("`id` must be", {"id": value})
            for value in ("", "a b", "ä", "x" * 256, "a\n", 1.5, True, [])
        ),
        ("`created_at` is missing", {"created_at": None}),
        ("`created_at` is in the future", {"created_at": 1_700_000_000_000}),
        ("`created_at` is in the future", {"created_at": later}),
        *(
            ("`created_at` must be a whole number", {"created_at": value})
            for value in (1_700_000_000.5, "1700000000", "2024-01-01T00:00:00Z", -1, True)
        ),
        ("`password_hash` must be", {"password_hash": 7}),
        *(
            ("`identity` must be", {"identity": value})
            for value in ("", 1.5, True, [1], "x" * 2_049)
        ),
        ("`status` must be", {"status": "deleted"}),
        *(
            ("`email` must be", {"email": value})
            for value in (
                *(
                    "a",
                    "a@@example.com",
                    "Alice<alice@example.com>",
                    "a@b..c",
                    "a b@c.d",
                    "a@b.c,d@e.f",
                ),
                *("a@b\u202e.c", "a@bücher.example", f"{'a' * 65}@b.c", f"a@{'b' * 64}.c", 7),
            )
        ),
        *(
            ("`roles` must be", {"roles": value})
            for value in ("admin", [""], ["billing admin"], ["a\nb"], ["a\u00a0b"], [1], {})
        ),
        ("`claims` must be an object", {"claims": []}),
        ("`claims` must not contain the reserved name `roles`", {"claims": {"roles": ["admin"]}}),
        ("`claims` must be at most 4096 bytes", {"claims": {"x": "x" * 4_096}}),
        ("`claims` has a number", {"claims": {"x": 10**40 + 1}}),
        ("unknown member `createdAt`", {"createdAt": 1}),
    ):
        messages = check({**good, **change})
        assert len(messages) == 1 and part in messages[0], (change, messages)
    for part, line in (
        ("the line is not JSON", "x"),
        ("the line is not a JSON object", "[]"),
        ("NaN is not JSON", '{"username": "x", "id": 1, "created_at": NaN}'),
        ("duplicate member", '{"username": "x", "id": 1, "id": 2, "created_at": 1}'),
        ("lone surrogate", '{"username": "x", "id": 1, "created_at": 1, "identity": "\\ud800"}'),
    ):
        messages = check(line)
        assert part in messages[0], (part, messages)


def duplicates_are_refused_on_both_lines(case):
    for name, one, other in (
        ("username", row("Root", 1), row("root", 2)),
        ("username", row("straße", 1), row("STRAẞE", 2)),
        ("username", row("ΓΙΩΡΓΟΣ", 1), row("γιωργος", 2)),
        ("username", row("Jose\u0301", 1), row("José", 2)),
        ("id", row("a", 1), row("b", "1")),
        ("identity", row("a", 1, identity=7), row("b", 2, identity="7")),
    ):
        messages = check(one, other, row("c", 3))
        assert len(messages) == 2, (one, other, messages)
        for line, (message, same) in enumerate(zip(messages, (2, 1)), start=1):
            expected = f"line {line}: refused: `{name}` is the same as in line {same}"
            assert message.startswith(expected), message


def argon2_hashes_of_other_libraries_work(case):
    hashes = {
        "argon2-cffi": HASH,
        "argon2i": PasswordHasher(type=Type.I).hash(PASSWORD),
        "argon2d": PasswordHasher(type=Type.D, parallelism=1).hash(PASSWORD),
        "django": f"argon2{HASH}",
        "spring": f"{{argon2}}{HASH}",
    }
    rows = [row(name, name, password_hash=value) for name, value in hashes.items()]
    assert move(case.stack, *rows) == "5 moved, 0 already there, 0 refused"
    for name in hashes:
        expect(log_in(case.stack, name))


def users_without_an_argon2_hash_need_a_new_password(case):
    """Their accounts exist and their old tokens work, but no password does."""
    others = {
        "scrypt": "scrypt:32768:8:1$pXEW5Ls1$8cd5c0a9",
        "pbkdf2": "pbkdf2:sha256:600000$S7Qm1N$70ab",
        "bcrypt": "$2b$12$C6UzMDM.H6dfI/f/IKcEeO5m7eQ6Bq1n2XpX9z3m3p9m8oZ1u7O6K",
        "plain": PASSWORD,
        "costly": "$argon2id$v=19$m=4194304,t=9,p=4$RSr2N+caKv2I09ZjI4Ae+Q$wElVi1t5nJpnwXhl",
        "none": None,
    }
    rows = [
        row(f"hash-{name}", f"hash-{name}", password_hash=value, identity=f"hash-{name}")
        for name, value in others.items()
    ]
    code, summary, messages = run(case.stack, rows)
    assert (code, summary) == (0, "6 moved, 0 already there, 0 refused"), (summary, messages)
    message = "has no hash that Latchkey verifies: the user needs a new password"
    assert messages == [f"line {line}: {message}" for line in range(1, 7)], messages
    for name, value in others.items():
        for password in filter(None, (PASSWORD, value, "!")):
            answer = log_in(case.stack, f"hash-{name}", password)
            assert (answer.status, answer.code) == (401, "invalid_credentials"), answer
        expect_greeting_of(case, f"hash-{name}", FlaskJwtExtended().access(f"hash-{name}"))


def names_are_folded_as_latchkey_folds_them(case):
    """Names, and every character of this Python's Unicode alone and after a letter."""
    whole = (
        "ΓΙΩΡΓΟΣ",
        "ΣΊΣΥΦΟΣ",
        "ΑΣ",
        "Σ",
        "ΣΑ",
        "ΑΣ.Β",
        "aΣ1",
        "ΑΣ\u0301",
        "İstanbul",
        "DŽEMAL",
        "ǅ",
    )
    whole += (
        "ＡＬＩＣＥ",
        "ｱﾘｽ",
        "STRAẞE",
        "Jose\u0301",
        "ᎠᎳ",
        "a·b",
        "l·l",
        "नमस्\u200dते",
        "Alice+x@Example.com",
    )
    whole += (
        "\u0628\u0629\u0661",
        "א1",
        "אa",
        "ﬁx",
        "①",
        "x\u0308\u0301",
        "\u1100\u1161",
        "日本・語",
    )
    # The program refuses unassigned and private code points, and surrogates.
    characters = [c for c in map(chr, range(sys.maxunicode + 1)) if category(c)[0] != "C"]
    names = [*whole, *characters, *(f"a{c}" for c in characters), *(f"Σ{c}" for c in characters)]
    ours = [key_or_none(name) for name in names]
    compared = zip(names, ours, folded_by_latchkey(case, names), strict=True)
    # The program may refuse a name that Latchkey accepts.
    differences = [found for found in compared if found[1] not in (None, found[2])]
    assert not differences, (len(differences), differences[:10])
    assert sum(key is not None for key in ours) > 200_000


def key_or_none(name):
    try:
        return key_of(name)
    except Refused:
        return None


def folded_by_latchkey(case, names):
    lines = "".join(f"{json.dumps(name)}\n" for name in names)
    program = case.stack.binaries / "usernames"
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]
