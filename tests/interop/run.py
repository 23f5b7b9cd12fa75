"""Tokens between us and the libraries of others, both ways, for every algorithm.

    run.py BINARIES [WORD…]

starts the local stack of that folder once for each scenario whose name has one of the words.
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
from case import Case, signed_up
from keys import ALGORITHMS, PEM_FORMS, SHARED, Key, make_key
from peers import running_jose
from stack import running_stack

# All that is asked is on this machine, and a proxy of the environment does not lead there.
os.environ.update(NO_PROXY="127.0.0.1", no_proxy="127.0.0.1")

PEM_KEYS = {"RS256": "PKCS#1", "ES384": "SEC1", "EdDSA": "PKCS#8"}

BOTH_WAYS = (
    exchange.they_find_our_keys,
    exchange.they_take_ours,
    exchange.a_flask_service_tells_ours_apart,
    exchange.we_take_theirs,
)
ATTACKS = (exchange.a_token_that_is_repeated_is_one, exchange.we_refuse_bad_tokens)
FLASK_JWT_EXTENDED = (
    old_tokens.the_old_key_is_not_published,
    old_tokens.old_access_tokens_open_routes,
    old_tokens.bad_old_access_tokens_do_not,
    old_tokens.old_refresh_tokens_start_sessions,
    old_tokens.bad_old_refresh_tokens_do_not,
    old_tokens.old_tokens_have_no_session,
    accounts.old_tokens_reach_the_account,
    accounts.identities_are_compared_byte_for_byte,
    accounts.a_sign_up_never_answers_to_an_old_token,
    accounts.the_next_owner_of_a_name_has_nothing_of_the_last,
    accounts.an_account_that_was_disabled_or_restored_decides,
    accounts.old_tokens_end_with_the_password,
    migration.it_can_be_run_again,
    migration.an_identity_can_be_added_later_and_never_changes_hands,
    migration.nothing_is_written_by_a_dry_run_or_while_a_row_is_refused,
    migration.what_would_fail_later_is_refused,
    migration.what_two_users_share_is_refused_for_both,
    migration.argon2_hashes_of_other_libraries_go_along,
    migration.who_has_no_argon2_hash_needs_a_new_password,
    migration.a_moved_user_logs_in_by_every_spelling,
    migration.names_are_compared_as_latchkey_compares_them,
)
FLASK_JWT_EXTENDED_WITH_OPTIONS = (old_tokens.the_old_services_options_are_demanded,)
FLASK_JWT = (
    old_tokens.the_old_key_is_not_published,
    old_tokens.flask_jwts_tokens_open_routes,
    old_tokens.bad_tokens_of_flask_jwts_do_not,
    old_tokens.a_number_is_its_decimal_text,
)
WITH_LEEWAY = (old_tokens.leeway_is_for_old_tokens_too,)
ROTATIONS = (
    rotations.the_key_set_is_the_ring,
    rotations.the_metadata_have_the_issuer_byte_for_byte,
    rotations.pyjwt_follows_rotations_by_kid,
    rotations.jose_takes_tokens_of_every_key,
)
JWT_AUTHORIZER = (
    rotations.api_gateways_own_authorizer_follows_rotations,
    rotations.its_emulation_refuses_what_it_should,
)


@dataclass(frozen=True)
class Scenario:
    """A stack with a key, or with keys of its own, and what holds there, in order."""

    name: str
    key: Key | None
    variables: dict[str, str]
    groups: tuple[Callable[[Case], None], ...]
    options: tuple[str, ...] = ()
    # How the user comes to have an account.
    enter: Callable[..., Case] = signed_up


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
        key = replace(key, kid=jose.ask("thumbprint", jwk=key.public_jwk()))
        pem = key.private_pem(PEM_FORMS[form])
        variables = {"JWT_PRIVATE_KEY": pem, "JWT_ALGORITHM": algorithm}
        yield Scenario(f"{algorithm} as PEM, {form}", key, variables, BOTH_WAYS)
    leeway = {"JWT_DECODE_LEEWAY": str(old_tokens.LEEWAY_SECONDS)}
    for name, minted_by, members, variables, groups in (
        ("flask", "flask", {}, {}, FLASK_JWT_EXTENDED),
        ("flask with options", "flask", old_tokens.OPTIONS, {}, FLASK_JWT_EXTENDED_WITH_OPTIONS),
        ("flask with leeway", "flask", {}, leeway, WITH_LEEWAY),
        ("flask-jwt", "flask-jwt", {}, {}, FLASK_JWT),
    ):
        key = make_key("ES256")
        variables |= jwk_set(key.jwk(), old_tokens.flask_jwk(minted_by, **members))
        name = f"old tokens of {name}"
        yield Scenario(name, key, variables, groups, enter=recipe.moved)
    for algorithm in ("ES256", "EdDSA", "RS256"):
        name = f"{algorithm} that rotates"
        groups = ROTATIONS + (JWT_AUTHORIZER if algorithm == "RS256" else ())
        options = ("--parameter", f"SigningAlgorithm={algorithm}")
        yield Scenario(name, None, rotations.VARIABLES, groups, options)


def jwk_set(*keys):
    return {"SIGNING_KEYS": json.dumps({"keys": keys})}


def run(scenario, binaries, jose):
    """Yields the name of each group that holds. After one that does not, the next say nothing."""
    with running_stack(binaries, scenario.variables, scenario.options) as stack:
        case = scenario.enter(stack, scenario.key, jose)
        for group in scenario.groups:
            group(case)
            yield group.__name__.replace("_", " ")


def main(binaries, *words):
    # The old service's secret is short, and everybody says so.
    warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
    passed = failed = 0
    with running_jose() as jose:
        for scenario in scenarios(jose):
            if words and not any(word in scenario.name for word in words):
                continue
            try:
                for group in run(scenario, Path(binaries).resolve(), jose):
                    print(f"{scenario.name}: {group}", flush=True)
                    passed += 1
            except Exception:
                print(f"{scenario.name}: FAILED\n{traceback.format_exc()}", flush=True)
                failed += 1
    print(f"{passed} passed, {failed} failed")
    # To have checked nothing is no success.
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
