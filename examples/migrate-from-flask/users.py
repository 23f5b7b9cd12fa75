"""Validation of the rows, so that moved users can log in."""

import json
import re
import time
from dataclasses import dataclass

from precis_i18n import get_profile

MEMBERS = {
    *("username", "id", "created_at", "password_hash", "identity"),
    *("status", "email", "roles", "claims"),
}
REQUIRED = ("username", "id", "created_at")
STATUSES = ("active", "disabled")
# No password matches this hash. Such users need a new one.
NO_PASSWORD = "!"

MAX_NAME_CHARS = 128
# DynamoDB's limit for a partition key.
MAX_IDENTITY_BYTES = 2_048
MAX_CLAIMS_BYTES = 4_096
RESERVED_CLAIMS = {
    *("iss", "aud", "sub", "username", "sid", "gen", "jti", "iat", "nbf", "exp"),
    *("auth_time", "type", "fresh", "roles", "csrf"),
}

# Printable ASCII without the space.
ID = re.compile(r"[!-~]{1,255}")

# The highest Argon2 cost that Latchkey verifies.
MAX_MEMORY_KIB, MAX_PASSES, MAX_FILLED_KIB = 131_072, 16, 1_048_576
# Django adds the prefix `argon2`, Spring Security a word in braces.
ARGON2 = re.compile(
    r"(?:argon2|\{[^{}$]*\})?\$argon2(?:id|i|d)(?:\$v=(?:16|19))?"
    r"\$m=(?P<memory>[1-9]\d{0,9}),t=(?P<passes>[1-9]\d{0,9}),p=[1-9]\d{0,3}"
    r"\$[A-Za-z0-9+/]{11,64}\$[A-Za-z0-9+/]{14,86}"
)

MAX_EMAIL_BYTES, MAX_LOCAL_BYTES = 254, 64
ATOM = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = re.compile(rf"(?P<local>{ATOM}(?:\.{ATOM})*)@(?P<domain>{LABEL}(?:\.{LABEL})*)")

_USERNAME = get_profile("UsernameCaseMapped")


class Refused(Exception):
    """A row that cannot move. The text is the reason."""


@dataclass(frozen=True)
class User:
    """A row that can move."""

    # The folded name, the key of the users table.
    key: str
    name: str
    id: str
    hash: str
    created_at: int
    status: str
    # The identity in the old tokens, if they should stay valid.
    identity: str | None
    email: str | None
    roles: tuple[str, ...]
    claims: dict

    @property
    def has_password(self):
        return self.hash != NO_PASSWORD


def read_user(row):
    """Validates a row. Raises `Refused`."""
    if not isinstance(row, dict):
        raise Refused("the line is not a JSON object")
    row = {member: value for member, value in row.items() if value is not None}
    unknown = sorted(row.keys() - MEMBERS)
    if unknown:
        raise Refused(f"unknown member `{unknown[0]}`")
    for member in REQUIRED:
        if member not in row:
            raise Refused(f"`{member}` is missing")
    status = row.get("status", "active")
    if status not in STATUSES:
        raise Refused("`status` must be `active` or `disabled`")
    return User(
        key=key_of(row["username"]),
        name=row["username"],
        id=_id(row["id"]),
        hash=_hash(row.get("password_hash", NO_PASSWORD)),
        created_at=_created_at(row["created_at"]),
        status=status,
        identity=_identity(row["identity"]) if "identity" in row else None,
        email=_email(row["email"]) if row.get("email") else None,
        roles=_roles(row.get("roles", [])),
        claims=_claims(row.get("claims", {})),
    )


def key_of(name):
    """Folds a name as Latchkey does: RFC 8265, UsernameCaseMapped."""
    if not isinstance(name, str):
        raise Refused("`username` must be a string")
    try:
        key = _USERNAME.enforce(name)
    except UnicodeEncodeError as error:
        raise Refused(_reason(error)) from None
    if max(len(name), len(key)) > MAX_NAME_CHARS:
        raise Refused(f"`username` must be at most {MAX_NAME_CHARS} characters long")
    return key


def _reason(error):
    kind = error.reason.rsplit("/", 1)[-1]
    if kind == "empty":
        return "`username` must not be empty"
    if kind == "bidi_rule":
        return "`username` must not mix letters written from left to right and from right to left"
    if kind == "not_idempotent":
        return "`username` has a character whose lower-case form is not stable"
    character = error.object[error.start]
    return f"`username` must not contain U+{ord(character):04X} ({kind.replace('_', ' ')})"


def _id(value):
    """Accepts an integer primary key too; `sub` is a string."""
    text = str(value) if _is_integer(value) else value
    if not isinstance(text, str) or not ID.fullmatch(text):
        raise Refused("`id` must be 1 to 255 printable ASCII characters without spaces")
    return text


def _identity(value):
    """Compared byte for byte with the identity in old tokens, integers in decimal."""
    text = str(value) if _is_integer(value) else value
    if not isinstance(text, str) or not 1 <= _bytes(text) <= MAX_IDENTITY_BYTES:
        message = (
            f"`identity` must be a whole number, or a string of 1 to {MAX_IDENTITY_BYTES} bytes"
        )
        raise Refused(message)
    return text


def _created_at(value):
    if not _is_integer(value) or value < 0:
        raise Refused("`created_at` must be a whole number of Unix seconds")
    if value > time.time():
        raise Refused("`created_at` is in the future: it must be Unix seconds, not milliseconds")
    return value


def _hash(value):
    """Replaces a hash that Latchkey does not verify by `NO_PASSWORD`."""
    if not isinstance(value, str):
        raise Refused("`password_hash` must be a string")
    match = ARGON2.fullmatch(value)
    if not match:
        return NO_PASSWORD
    memory, passes = int(match["memory"]), int(match["passes"])
    is_affordable = memory <= MAX_MEMORY_KIB and passes <= MAX_PASSES
    return value if is_affordable and memory * passes <= MAX_FILLED_KIB else NO_PASSWORD


def _email(value):
    match = EMAIL.fullmatch(value) if isinstance(value, str) else None
    if not match or len(value) > MAX_EMAIL_BYTES or len(match["local"]) > MAX_LOCAL_BYTES:
        raise Refused(
            "`email` must be one plain ASCII address of at most 254 bytes; "
            "write an internationalised domain in its `xn--` form"
        )
    return f"{match['local']}@{match['domain'].lower()}"


def _roles(value):
    if not isinstance(value, list) or not all(_is_role(role) for role in value):
        raise Refused("`roles` must be a list of strings without white space or control characters")
    return tuple(sorted(set(value)))


def _is_role(role):
    """Refuses white space, at which other software may split roles."""
    return (
        isinstance(role, str)
        and role != ""
        and not any(character.isspace() or not character.isprintable() for character in role)
    )


def _claims(value):
    if not isinstance(value, dict):
        raise Refused("`claims` must be an object")
    reserved = sorted(RESERVED_CLAIMS & value.keys())
    if reserved:
        raise Refused(f"`claims` must not contain the reserved name `{reserved[0]}`")
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=float)
    if _bytes(text) > MAX_CLAIMS_BYTES:
        raise Refused(f"`claims` must be at most {MAX_CLAIMS_BYTES} bytes of JSON")
    return value


def _is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _bytes(text):
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        # JSON can escape a lone surrogate.
        raise Refused("the line has a lone surrogate") from None
