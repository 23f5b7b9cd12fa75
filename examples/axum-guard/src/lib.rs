//! An axum service that accepts the tokens of a Latchkey deployment.

use axum::{Extension, Json, Router, routing::get};
use latchkey_guard::{Guard, GuardLayer, Identity, Requirement, TokenLocations, TokenReader};
use latchkey_keys::KeyCache;
use latchkey_token::{KeyError, KeySet, Timestamp, TokenProfile};
use serde_json::{Value, json};

/// The routes of the service. `issuer` is the deployment's `JWT_ISSUER`, `jwks` the body of its
/// `/.well-known/jwks.json`, and `clock` returns the time of each request.
///
/// # Errors
/// [`KeyError`] if `jwks` is not a set of public keys.
pub fn app(issuer: &str, jwks: &str, clock: fn() -> Timestamp) -> Result<Router, KeyError> {
    let reader = TokenReader {
        keys: KeyCache::of_static(KeySet::parse_public(jwks)?),
        profile: TokenProfile::new(issuer),
        locations: TokenLocations::default(),
    };
    let guard = GuardLayer::new(Guard::stateless(reader), clock);
    let admin = guard.clone().require(Requirement::role("admin"));
    Ok(Router::new()
        .route("/me", get(me).layer(guard))
        .route("/admin", get(me).layer(admin))
        .route("/", get(|| async { "public" })))
}

async fn me(Extension(caller): Extension<Identity>) -> Json<Value> {
    Json(json!({ "id": caller.user().as_str(), "username": caller.username() }))
}
