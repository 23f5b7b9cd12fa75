//! Tokens as Flask services issue them.

use latchkey_token::KeySet;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::{
    fixtures::{JWK_SET, NOW},
    forge::{base64url, sign_with_hmac},
};

/// The secret of the Flask service, shorter than Latchkey accepts for its own tokens.
pub const SECRET: &[u8] = b"an-old-flask-secret";

/// [`JWK_SET`] with the key of a Flask service. `mark` has the members that mark that key.
pub fn key_set(mark: &Value) -> String {
    let mut set: Value = serde_json::from_str(JWK_SET).unwrap();
    let mut key = json!({ "kty": "oct", "alg": "HS256", "kid": "old", "k": base64url(SECRET) });
    key.as_object_mut().unwrap().extend(mark.as_object().unwrap().clone());
    set["keys"].as_array_mut().unwrap().push(key);
    set.to_string()
}

/// The keys of [`key_set`].
pub fn keys(mark: &Value) -> KeySet {
    KeySet::parse(&SecretString::from(key_set(mark))).unwrap()
}

/// The header of the service's tokens.
pub fn header() -> Value {
    json!({ "typ": "JWT", "alg": "HS256" })
}

/// The claims of a Flask-JWT-Extended access token for alice.
pub fn extended_claims() -> Value {
    let now = NOW.unix();
    json!({
        "fresh": true, "iat": now, "jti": "0b1c8f9e-3c55-4a9b-9f5a-6d7f2f1c6e11",
        "type": "access", "sub": "alice", "nbf": now, "csrf": "flask-csrf", "exp": now + 900,
    })
}

/// The claims of a Flask-JWT token for user 1.
pub fn flask_jwt_claims() -> Value {
    let now = NOW.unix();
    json!({ "exp": now + 300, "iat": now, "nbf": now, "identity": 1 })
}

/// A token of the service with these claims.
pub fn sign(claims: &Value) -> String {
    sign_with_hmac(&header(), claims, SECRET)
}
