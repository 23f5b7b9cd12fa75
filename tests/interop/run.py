"""Interoperability of tokens with other libraries, both ways, for every algorithm.

    run.py BINARIES [WORD…]

starts the stack in the folder BINARIES once per scenario whose name contains one of the words.
"""

import json
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import jwt

import accounts
import exchange
import migration
import old_tokens
import recipe
import rotations
from case import Case, sign_up_and_log_in
from keys import ALGORITHMS, PEM_FORMS, SHARED, Key, make_key
from peers import running_jose
from stack import running_stack

# All requests are local; a proxy of the environment cannot reach them.
os.environ.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")

PEM_KEYS = {"RS256": "PKCS#1", "ES384": "SEC1", "EdDSA": "PKCS#8"}

BOTH_WAYS = (
    exchange.public_keys_are_published,
    exchange.libraries_verify_our_tokens,
    exchange.flask_reads_identity_freshness_and_type,
    exchange.we_verify_tokens_of_libraries,
)
ATTACKS = (exchange.a_repeated_token_counts_once, exchange.bad_tokens_are_refused)
FLASK_JWT_EXTENDED = (
    old_tokens.the_old_key_is_not_published,
    old_tokens.old_access_tokens_are_accepted,
    old_tokens.bad_old_access_tokens_are_refused,
    old_tokens.old_refresh_tokens_start_sessions,
    old_tokens.bad_old_refresh_tokens_are_refused,
    old_tokens.old_tokens_cannot_log_out,
    accounts.old_tokens_open_the_moved_account,
    accounts.identities_are_compared_byte_for_byte,
    accounts.old_tokens_never_open_an_account_from_sign_up,
    accounts.old_tokens_do_not_open_an_account_that_reuses_the_name,
    accounts.old_tokens_need_an_active_unchanged_account,
    accounts.a_password_change_ends_old_tokens,
    migration.the_program_can_be_run_again,
    migration.an_identity_can_be_added_later_but_not_reassigned,
    migration.a_dry_run_or_a_refused_row_writes_nothing,
    migration.invalid_rows_are_refused,
    migration.duplicates_are_refused_on_both_lines,
    migration.argon2_hashes_of_other_libraries_work,
    migration.users_without_an_argon2_hash_need_a_new_password,
    migration.a_moved_user_logs_in_with_every_spelling,
    migration.names_are_folded_as_latchkey_folds_them,
)
FLASK_JWT_EXTENDED_WITH_OPTIONS = (old_tokens.the_options_of_the_old_service_are_required,)
FLASK_JWT = (
    old_tokens.the_old_key_is_not_published,
    old_tokens.flask_jwt_tokens_are_accepted,
    old_tokens.bad_flask_jwt_tokens_are_refused,
    old_tokens.a_numeric_identity_equals_its_decimal_text,
)
WITH_LEEWAY = (old_tokens.leeway_applies_to_old_tokens,)
ROTATIONS = (
    rotations.the_key_set_matches_the_ring,
    rotations.the_metadata_contain_the_exact_issuer,
    rotations.pyjwt_follows_rotations_by_kid,
    rotations.jose_accepts_tokens_of_every_key,
)
JWT_AUTHORIZER = (
    rotations.the_jwt_authorizer_follows_rotations,
    rotations.the_emulated_jwt_authorizer_refuses_bad_tokens,
)


@dataclass(frozen=True)
class Scenario:
    """A stack with a known key or its own key ring, and the checks to run there, in order."""

    name: str
    key: Key | None
    variables: dict[str, str]
    checks: tuple[Callable[[Case], None], ...]
    options: tuple[str, ...] = ()
    # Creates the account of the user and logs in.
    create_user: Callable[..., Case] = sign_up_and_log_in


def scenarios(jose):
    for algorithm in ALGORITHMS:
        key = make_key(algorithm)
        yield Scenario(f"{algorithm} as JWK", key, jwk_set(key.jwk()), BOTH_WAYS + ATTACKS)
    for algorithm in SHARED:
        key = make_key(algorithm)
        variables = {"JWT_SECRET_KEY": key.private.decode(), "JWT_ALGORITHM": algorithm}
        yield Scenario(f"{algorithm} as secret", key, variables, BOTH_WAYS)
    for algorithm, form in PEM_KEYS.items():
        key = make_key(algorithm)
        key = replace(key, kid=jose.call("thumbprint", jwk=key.public_jwk()))
        pem = key.private_pem(PEM_FORMS[form])
        variables = {"JWT_PRIVATE_KEY": pem, "JWT_ALGORITHM": algorithm}
        yield Scenario(f"{algorithm} as PEM, {form}", key, variables, BOTH_WAYS)
    leeway = {"JWT_DECODE_LEEWAY": str(old_tokens.LEEWAY_SECONDS)}
    for name, minted_by, members, variables, checks in (
        ("flask", "flask", {}, {}, FLASK_JWT_EXTENDED),
        ("flask with options", "flask", old_tokens.OPTIONS, {}, FLASK_JWT_EXTENDED_WITH_OPTIONS),
        ("flask with leeway", "flask", {}, leeway, WITH_LEEWAY),
        ("flask-jwt", "flask-jwt", {}, {}, FLASK_JWT),
    ):
        key = make_key("ES256")
        variables |= jwk_set(key.jwk(), old_tokens.flask_jwk(minted_by, **members))
        name = f"old tokens of {name}"
        yield Scenario(name, key, variables, checks, create_user=recipe.move_and_log_in)
    for algorithm in ("ES256", "EdDSA", "RS256"):
        name = f"{algorithm} with rotations"
        checks = ROTATIONS + (JWT_AUTHORIZER if algorithm == "RS256" else ())
        options = ("--parameter", f"SigningAlgorithm={algorithm}")
        yield Scenario(name, None, rotations.VARIABLES, checks, options)


def jwk_set(*keys):
    return {"SIGNING_KEYS": json.dumps({"keys": keys})}


def run(scenario, binaries, jose):
    """Yields the name of each passed check. The first failure ends the scenario."""
    with running_stack(binaries, scenario.variables, scenario.options) as stack:
        case = scenario.create_user(stack, scenario.key, jose)
        for check in scenario.checks:
            check(case)
            yield check.__name__.replace("_", " ")


def main(binaries, *words):
    # The old service's secret is short on purpose.
    warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
    passed = failed = 0
    with running_jose() as jose:
        for scenario in scenarios(jose):
            if words and not any(word in scenario.name for word in words):
                continue
            try:
                for check in run(scenario, Path(binaries).resolve(), jose):
                    print(f"{scenario.name}: {check}", flush=True)
                    passed += 1
            except Exception:
                print(f"{scenario.name}: FAILED\n{traceback.format_exc()}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    # A run without checks is a failure.
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
