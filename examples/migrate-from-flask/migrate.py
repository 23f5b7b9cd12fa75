"""Moves the users of a Flask service to Latchkey.

    migrate.py users.jsonl --users-table NAME [--legacy-table NAME] [--dry-run] [--skip-refused]

Each line of `users.jsonl` is one user; README.md describes it. The program names every line that
cannot move and its reason. If there are any, it writes nothing without `--skip-refused`. You can
stop it and run it again: it changes no existing item.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from decimal import Decimal

import boto3
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import BotoCoreError, ClientError

from users import Refused, User, read_user

# Values that must be unique, and the messages for duplicates.
UNIQUE = (
    (lambda user: user.key, "`username` is the same as in line {}, apart from the spelling"),
    (lambda user: user.id, "`id` is the same as in line {}"),
    (lambda user: user.identity, "`identity` is the same as in line {}"),
)

_serialize = TypeSerializer().serialize


def read(lines):
    """Returns the users and the refusals, each by line number."""
    users, refused = {}, {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            users[number] = read_user(_parse(line))
            user_item(users[number])
        except Refused as error:
            refused[number] = str(error)
        except ArithmeticError:
            refused[number] = "`claims` has a number that DynamoDB cannot store"
    for value_of, message in UNIQUE:
        for number, other in _shared(users, value_of).items():
            refused.setdefault(number, message.format(other))
    return {number: user for number, user in users.items() if number not in refused}, refused


def _parse(line):
    def refuse_constant(name):
        raise Refused(f"{name} is not JSON")

    def members(pairs):
        object_ = dict(pairs)
        if len(object_) != len(pairs):
            raise Refused("duplicate member")
        return object_

    try:
        return json.loads(
            line,
            parse_float=Decimal,
            parse_constant=refuse_constant,
            object_pairs_hook=members,
        )
    except ValueError as error:
        raise Refused(f"the line is not JSON: {error}") from None


def _shared(users, value_of):
    """Maps each line with a shared value to another line with that value."""
    lines = defaultdict(list)
    for number, user in users.items():
        if value_of(user) is not None:
            lines[value_of(user)].append(number)
    return {
        number: numbers[0] if number != numbers[0] else numbers[1]
        for numbers in lines.values()
        if len(numbers) > 1
        for number in numbers
    }


def user_item(user: User):
    """The item of the users table."""
    item = {
        "username": user.key,
        "name": user.name,
        "id": user.id,
        "hash": user.hash,
        "status": user.status,
        "created_at": user.created_at,
        # Old tokens need version 0; a password change increments it.
        "version": 0,
        "sessions": {},
    }
    if user.email:
        item["email"] = user.email
    # DynamoDB has no empty sets.
    if user.roles:
        item["roles"] = set(user.roles)
    if user.claims:
        item["claims"] = user.claims
    return {name: _serialize(value) for name, value in item.items()}


def legacy_item(user: User):
    """The item of the legacy table, which maps an old identity to an account."""
    item = {"identity": user.identity, "user_id": user.id, "username": user.name}
    return {name: _serialize(value) for name, value in item.items()}


class Tables:
    """The tables of a deployment."""

    def __init__(self, client, users, legacy):
        self._client, self._users, self._legacy = client, users, legacy

    def move(self, user: User):
        """Writes a user unless it exists. Returns whether it wrote. Raises `Refused`."""
        puts = [_put(self._users, user_item(user), "username")]
        if user.identity is not None:
            puts.append(_put(self._legacy, legacy_item(user), "identity"))
        # In one transaction: a legacy row without its account means a deleted account.
        if self._write(puts):
            return True
        account = self._get(self._users, "username", user.key)
        if account and account["id"] != {"S": user.id}:
            raise Refused("the name belongs to another account here")
        if user.identity is None:
            return False
        row = self._get(self._legacy, "identity", user.identity)
        if row and row["user_id"] != {"S": user.id}:
            raise Refused("the identity belongs to another account here")
        if not account:
            raise Refused("the user was moved before, and the account was deleted or renamed since")
        return not row and self._add_identity(user)

    def _add_identity(self, user):
        """Adds the legacy row of an account that was moved without it."""
        check = {
            "TableName": self._users,
            "Key": {"username": {"S": user.key}},
            "ConditionExpression": "id = :id",
            "ExpressionAttributeValues": {":id": {"S": user.id}},
        }
        put = _put(self._legacy, legacy_item(user), "identity")
        if not self._write([{"ConditionCheck": check}, put]):
            raise Refused("the account changed meanwhile: run the program again")
        return True

    def _write(self, writes):
        try:
            self._client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            reasons = error.response.get("CancellationReasons", [])
            if any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
                return False
            raise
        return True

    def _get(self, table, key, value):
        answer = self._client.get_item(
            TableName=table, Key={key: {"S": value}}, ConsistentRead=True
        )
        return answer.get("Item")


def _put(table, item, key):
    condition = {
        "ConditionExpression": "attribute_not_exists(#key)",
        "ExpressionAttributeNames": {"#key": key},
    }
    return {"Put": {"TableName": table, "Item": item, **condition}}


def arguments():
    parser = argparse.ArgumentParser(description="Moves the users of a Flask service to Latchkey.")
    parser.add_argument("file", help="one user a line, as JSON; - for the standard input")
    parser.add_argument("--users-table", required=True, metavar="NAME")
    parser.add_argument("--legacy-table", metavar="NAME", help="needed where rows have `identity`")
    parser.add_argument("--dry-run", action="store_true", help="check the rows and write nothing")
    parser.add_argument("--skip-refused", action="store_true", help="move the other rows")
    return parser.parse_args()


def report(number, message):
    print(f"line {number}: {message}", file=sys.stderr)


def main():
    options = arguments()
    with sys.stdin.buffer if options.file == "-" else open(options.file, "rb") as lines:
        users, refused = read(lines)
    if not options.legacy_table and any(user.identity is not None for user in users.values()):
        sys.exit("rows have `identity`, so --legacy-table is needed")
    for number, message in sorted(refused.items()):
        report(number, f"refused: {message}")
    for number, user in users.items():
        if not user.has_password:
            report(number, "has no hash that Latchkey verifies: the user needs a new password")
    counts = Counter(refused=len(refused))
    try:
        if not options.dry_run and (options.skip_refused or not refused):
            tables = Tables(boto3.client("dynamodb"), options.users_table, options.legacy_table)
            counts.update(outcome(tables, number, user) for number, user in users.items())
    except (BotoCoreError, ClientError) as error:
        print(f"stopped, run the program again: {error}", file=sys.stderr)
        return 1
    print("{moved} moved, {there} already there, {refused} refused".format_map(counts))
    return 1 if counts["refused"] else 0


def outcome(tables, number, user):
    """Moves a user. Returns the counter to increment."""
    try:
        return "moved" if tables.move(user) else "there"
    except Refused as error:
        report(number, f"refused: {error}")
        return "refused"


if __name__ == "__main__":
    sys.exit(main())
