//! Public documents: the public keys, the metadata, and the health check.

use std::collections::{BTreeMap, BTreeSet};

use lambda_http::{
    Body, Request, Response,
    http::{HeaderValue, StatusCode, header::CACHE_CONTROL},
};
use latchkey_http::{ApiError, RequestContext, Route, json, route};
use latchkey_keys::KeyCache;
use latchkey_token::{PublicJwkSet, Timestamp};
use serde::Serialize;
use serde_json::json;

const JWKS_PATH: &str = "/.well-known/jwks.json";
const METADATA_PATH: &str = "/.well-known/openid-configuration";
const HEALTH_PATH: &str = "/health";

#[derive(Clone, Copy)]
enum Document {
    Keys,
    Metadata,
    Health,
}

const ROUTES: [Route<Document>; 6] = [
    ("GET", JWKS_PATH, Document::Keys),
    ("HEAD", JWKS_PATH, Document::Keys),
    ("GET", METADATA_PATH, Document::Metadata),
    ("HEAD", METADATA_PATH, Document::Metadata),
    ("GET", HEALTH_PATH, Document::Health),
    ("HEAD", HEALTH_PATH, Document::Health),
];

const CACHEABLE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The API's endpoints, relative to its URL.
const ENDPOINTS: [&str; 7] = ["signup", "login", "refresh", "logout", "me", "password", "sessions"];

/// Dependencies of the routes.
#[derive(Debug)]
pub struct Discovery {
    /// The `iss` claim of issued tokens.
    pub issuer: String,
    /// The keys that verify issued tokens.
    pub keys: KeyCache,
}

impl Discovery {
    /// Serves the three documents.
    ///
    /// # Errors
    /// `not_found`, `method_not_allowed`, and `unavailable` while there are no keys.
    pub async fn handle(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Response<Body>, ApiError> {
        match route(request, &ROUTES)?.0 {
            Document::Keys => cacheable(&self.keys(now).await?),
            Document::Metadata => cacheable(&self.metadata(request, &self.keys(now).await?)),
            Document::Health => json(StatusCode::OK, &json!({ "status": "ok" })),
        }
    }

    async fn keys(&self, now: Timestamp) -> Result<PublicJwkSet, ApiError> {
        Ok(self.keys.get(now).await?.public_jwk_set_at(now))
    }

    /// Authorization server metadata (RFC 8414 §2). There is no authorization endpoint: users log
    /// in at `/login`, so the lists of OAuth flows are empty, and `latchkey_endpoints` has the
    /// endpoints of the API.
    fn metadata(&self, request: &Request, keys: &PublicJwkSet) -> impl Serialize {
        let algorithms: BTreeSet<_> = keys.keys.iter().map(|key| key.alg.as_str()).collect();
        let base = self.base_url(request);
        let endpoint = |name: &&'static str| (*name, format!("{base}/{name}"));
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("{base}{JWKS_PATH}"),
            "latchkey_endpoints": ENDPOINTS.iter().map(endpoint).collect::<BTreeMap<_, _>>(),
            "response_types_supported": [],
            "grant_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        })
    }

    /// The URL of this API: the issuer if it is a URL, else the gateway's domain name and base
    /// path. The `Host` header is not used.
    fn base_url(&self, request: &Request) -> String {
        if self.issuer.starts_with("https://") || self.issuer.starts_with("http://") {
            self.issuer.trim_end_matches('/').to_owned()
        } else {
            let context = RequestContext::of(request);
            format!("https://{}{}", context.domain_name, context.base_path)
        }
    }
}

fn cacheable(body: &impl Serialize) -> Result<Response<Body>, ApiError> {
    let mut response = json(StatusCode::OK, body)?;
    response.headers_mut().insert(CACHE_CONTROL, CACHEABLE);
    Ok(response)
}
