"""Named bad tokens, each with one defect."""

import hmac
import json
import string
import time

from keys import ALGORITHMS, make_key
from tokens import CLAIMS, MISSING, assemble, changed, tampered

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

# Nothing listens on this port, so fetching a key fails.
UNREACHABLE_URL = "http://127.0.0.1:1/"

HEADERS = (
    *({"alg": value} for value in (MISSING, None, "", 256, ["ES256"], " none")),
    *({"kid": value} for value in (MISSING, None, "", 7, ["ours"], "OURS", "other")),
    *({"kid": value} for value in ("../../dev/null", "' OR '1'='1", "k" * 2_000)),
    *({"typ": value} for value in (MISSING, None, 1, "JWT", "AT+JWT", "rt+jwt", "id+jwt")),
    *({"crit": value} for value in ([], ["exp"], ["b64"], "exp")),
    {"crit": ["app"], "app": 1},
    {"b64": False},
    {"b64": False, "crit": ["b64"]},
    {"zip": "DEF"},
    {"enc": "A256GCM"},
    {"cty": "JWT"},
    {"jku": UNREACHABLE_URL},
    {"x5u": UNREACHABLE_URL},
    {"x5c": ["MIIB"]},
)


def claim_changes(claims):
    now, expiry, issuer = int(time.time()), claims["exp"], claims["iss"]
    return (
        *({claim: value} for claim in CLAIMS for value in (MISSING, None, [], {})),
        *({"iss": value} for value in (f"{issuer}/", issuer.upper(), [issuer], "")),
        *({"aud": value} for value in ("other", [issuer], [issuer, "other"], "", 7)),
        *({"sub": value} for value in (5, "", "a b", "ä", "x" * 256, True)),
        *({"sid": value} for value in ("", "a b", 5)),
        *({"jti": value} for value in ("", "a b", 5)),
        *({"type": value} for value in ("refresh", "id", "Access", "", 1)),
        *({"fresh": value} for value in ("true", 1, 0)),
        *({"roles": value} for value in ("admin", [1], {"$gt": ""}, None)),
        *({"exp": value} for value in (str(expiry), expiry + 0.5, 1e300, -1, True, 2**64)),
        # Beyond the maximum lifetime.
        *({"exp": value} for value in (expiry + 1, now + 10 * 365 * 86_400)),
        *({"nbf": value} for value in (now + 600, str(now), 1e300, -1)),
        *({"iat": value, "exp": value + 60} for value in (now + 600, now + 86_400)),
        *({"iat": value} for value in (str(now), -1)),
        # Only the length of the token is wrong.
        {"note": "x" * 6_400},
    )


def payloads(claims):
    text = json.dumps(claims)
    sub = json.dumps(claims["sub"])
    return {
        "a claim twice": f'{text[:-1]}, "sub": {sub}}}',
        "a claim twice, once escaped": f'{text[:-1]}, "s\\u0075b": {sub}}}',
        "two objects": text + "{}",
        "an array": f"[{text}]",
        "a string": json.dumps(text),
        "null": "null",
        "nothing": "",
        "no JSON": text[:-1],
        "not a number": text.replace(f'"exp": {claims["exp"]}', '"exp": NaN'),
        "a byte order mark": f"\ufeff{text}",
        "UTF-16": text.encode("utf-16"),
        "not UTF-8": text.encode().replace(b"Alice", b"\xff\xfe"),
        "a lone surrogate": text.replace("Alice", "\\ud800"),
        "depth": "[" * 3_000,
    }


def texts(token):
    header, payload, signature = token.split(".")
    return {
        "empty": "",
        "a word": "token",
        "two dots": "..",
        "two parts": f"{header}.{payload}",
        "an empty signature": f"{header}.{payload}.",
        "an empty payload": f"{header}..{signature}",
        "an empty header": f".{payload}.{signature}",
        "a dot before": f".{token}",
        "a dot after": f"{token}.",
        "four parts": f"{token}.x",
        "five parts": f"{token}.x.y",
        "padding": f"{token}=",
        "padding to a whole number of bytes": token + "=" * (-len(signature) % 4),
        "other bits at the end": with_unused_bits(token),
        "the alphabet of base64": f"{header}.{payload}.+/{signature[2:]}",
        "a space inside": f"{header}. {payload}.{signature}",
        "a tab after a part": f"{header}\t.{payload}.{signature}",
        "two tokens": f"{token} {token}",
        "quotes": f'"{token}"',
        "escaped dots": token.replace(".", "%2E"),
        "header and payload swapped": f"{payload}.{header}.{signature}",
        "another signature": tampered(token),
        "half a signature": f"{header}.{payload}.{signature[: len(signature) // 2]}",
        "a signature of zeros": f"{header}.{payload}.{'A' * len(signature)}",
        "JSON": json.dumps({"protected": header, "payload": payload, "signature": signature}),
    }


def with_unused_bits(token):
    """Sets an unused bit of the last character: the decoded bytes stay the same."""
    if len(token.rsplit(".", 1)[1]) % 4 == 0:
        return token
    return token[:-1] + ALPHABET[ALPHABET.index(token[-1]) + 1]


def bad_tokens(key, header, claims):
    """Yields pairs of name and token. `header` and `claims` are those of a good token of `key`."""
    yield from _with_no_algorithm(key, header, claims)
    yield from _with_another_algorithm(key, header, claims)
    yield from _with_another_key(key, header, claims)
    yield from _with_an_hmac(key, header, claims)
    for name, sign in key.misencoded().items():
        yield name, assemble(header, claims, sign)
    for change in HEADERS:
        yield f"header {change!s:.80}", assemble(changed(header, change), claims, key.sign)
    for text in (b"", b"{", b"{}", b"[]", b"null", _twice(header, "alg"), _twice(header, "kid")):
        yield f"header {text}", assemble(text, claims, key.sign)
    for change in claim_changes(claims):
        yield f"claims {change!s:.80}", assemble(header, changed(claims, change), key.sign)
    for name, payload in payloads(claims).items():
        yield f"payload: {name}", assemble(header, payload, key.sign)
    good = assemble(header, claims, key.sign)
    # Some of these are equal to the good token if the signature has no unused bits.
    yield from ((f"text: {name}", text) for name, text in texts(good).items() if text != good)


def expired_tokens(key, header, claims):
    """Yields pairs of name and token. The tokens are genuine except for their expiry."""
    now, lifetime = int(time.time()), claims["exp"] - claims["iat"]
    for age in (0, 1, 59, 86_400):
        issued = now - age - lifetime
        times = {"iat": issued, "nbf": issued, "auth_time": issued, "exp": now - age}
        yield f"expired {age} s ago", assemble(header, changed(claims, times), key.sign)


def _with_no_algorithm(key, header, claims):
    for alg in ("none", "None", "NONE", "nOnE", "none\0"):
        labelled = changed(header, {"alg": alg})
        yield f"alg {alg!r}", assemble(labelled, claims, lambda _message: b"")
        yield f"alg {alg!r}, signed", assemble(labelled, claims, key.sign)


def _with_another_algorithm(key, header, claims):
    for alg in (*ALGORITHMS, key.algorithm.swapcase()):
        if alg != key.algorithm:
            labelled = changed(header, {"alg": alg})
            yield f"alg {alg} in name only", assemble(labelled, claims, key.sign)
    for sibling in key.siblings():
        labelled = changed(header, {"alg": sibling.algorithm})
        yield f"alg {sibling.algorithm} with our key", assemble(labelled, claims, sibling.sign)


def _with_another_key(key, header, claims):
    other_key = make_key(key.algorithm, owner="other")
    for name, change in {
        "another key": {},
        "another key, in the header": {"jwk": other_key.public_jwk()},
        "another key, in `jku`": {"jku": UNREACHABLE_URL},
        "another key, with its own id": {"kid": "unknown", "jwk": other_key.public_jwk()},
    }.items():
        yield name, assemble(changed(header, change), claims, other_key.sign)
    yield "our key, in the header", assemble({**header, "jwk": key.public_jwk()}, claims, key.sign)


def _with_an_hmac(key, header, claims):
    """Secrets are guessable values and the public key (algorithm confusion)."""
    known = {
        "an empty secret": b"",
        "`secret`": b"secret",
        "`super-secret`": b"super-secret",
        "the key id": key.kid.encode(),
    }
    if not key.is_shared:
        known |= {
            "the public key as PEM": key.public_pem(),
            "the public key as PEM without its last newline": key.public_pem().rstrip(),
            "the public key as DER": key.public_der(),
            "the public key as JWK": json.dumps(key.public_jwk()).encode(),
        }
    for name, secret in known.items():
        sign = hmac_with(secret)
        yield f"an HMAC with {name}", assemble(header, claims, sign)
        yield f"HS256 with {name}", assemble(changed(header, {"alg": "HS256"}), claims, sign)


def hmac_with(secret):
    """Replaces PyJWT, which refuses a public key as a secret."""
    return lambda message: hmac.digest(secret, message, "sha256")


def _twice(header, member):
    return f'{json.dumps(header)[:-1]}, "{member}": "{header[member]}"}}'.encode()
