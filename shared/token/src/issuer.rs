//! Making tokens.

use std::time::Duration;

use aws_lc_rs::digest;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    additional::{AdditionalClaims, AdditionalError, check_headers},
    claims::{Generation, Grant, RefreshClaims, TokenType},
    encoding,
    error::{SigningCause, SigningError},
    id::TokenId,
    profile::{TokenProfile, refresh_audience},
    signing::SigningKey,
    timestamp::Timestamp,
};

/// Signs tokens with one key for one profile.
#[derive(Debug)]
pub struct Issuer {
    key: SigningKey,
    profile: TokenProfile,
    refresh_audience: String,
    access_header: String,
    refresh_header: String,
}

/// A new token and the moment it ends.
#[derive(Debug)]
pub struct IssuedToken {
    /// The compact JWS. Whoever holds it is the user.
    pub text: SecretString,
    /// Its `exp` claim.
    pub expires_at: Timestamp,
    /// Its `csrf` claim, when it is for a cookie.
    pub csrf: Option<String>,
}

/// The claims of a token, in the order in which they are written.
#[derive(Serialize)]
struct Payload<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    username: &'a str,
    sid: &'a str,
    #[serde(rename = "gen", skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    jti: &'a str,
    iat: Timestamp,
    nbf: Timestamp,
    exp: Timestamp,
    auth_time: Timestamp,
    r#type: &'static str,
    fresh: bool,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    roles: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<&'a str>,
    #[serde(flatten)]
    additional: Option<&'a AdditionalClaims>,
}

impl Issuer {
    /// An issuer of tokens for `profile`, signed with `key`.
    pub fn new(key: SigningKey, profile: TokenProfile) -> Self {
        let header = |token_type| header(&key, token_type, Map::new());
        let (access_header, refresh_header) =
            (header(TokenType::Access), header(TokenType::Refresh));
        let refresh_audience = refresh_audience(&profile.issuer);
        Self { key, profile, refresh_audience, access_header, refresh_header }
    }

    /// The same, but access tokens carry `headers` besides `alg`, `kid` and `typ`.
    ///
    /// # Errors
    /// [`AdditionalError`] for a header that has a meaning of its own.
    pub fn with_headers(self, headers: Map<String, Value>) -> Result<Self, AdditionalError> {
        check_headers(&headers)?;
        Ok(Self { access_header: header(&self.key, TokenType::Access, headers), ..self })
    }

    /// How long an access token lives at most.
    pub const fn access_lifetime(&self) -> Duration {
        self.profile.access_lifetime
    }

    /// An access token; `fresh` says that the user has just proved the password.
    ///
    /// # Errors
    /// [`SigningError`] when the cryptography library or the system's random numbers fail.
    pub fn access_token(
        &self,
        grant: &Grant<'_>,
        fresh: bool,
        now: Timestamp,
    ) -> Result<IssuedToken, SigningError> {
        let token = TokenId::generate().map_err(SigningCause::from)?;
        let csrf = grant.for_cookies.then(TokenId::generate).transpose();
        let csrf = csrf.map_err(SigningCause::from)?.map(String::from);
        let variable = Variable { token: &token, issued_at: now, fresh, generation: None, csrf };
        self.issue(TokenType::Access, grant, variable)
    }

    /// The refresh token of a generation of the session.
    ///
    /// # Errors
    /// As [`Issuer::access_token`].
    pub fn refresh_token(
        &self,
        grant: &Grant<'_>,
        generation: &Generation,
    ) -> Result<IssuedToken, SigningError> {
        let csrf = grant.for_cookies.then(|| csrf_of(&generation.token, CsrfUse::Pair));
        self.refresh_token_with(grant, generation, csrf)
    }

    /// The same, for a cookie whose access tokens are in none.
    ///
    /// # Errors
    /// As [`Issuer::access_token`].
    pub fn lone_refresh_token(
        &self,
        grant: &Grant<'_>,
        generation: &Generation,
    ) -> Result<IssuedToken, SigningError> {
        let csrf = csrf_of(&generation.token, CsrfUse::Lone);
        self.refresh_token_with(grant, generation, Some(csrf))
    }

    fn refresh_token_with(
        &self,
        grant: &Grant<'_>,
        generation: &Generation,
        csrf: Option<String>,
    ) -> Result<IssuedToken, SigningError> {
        let variable = Variable {
            token: &generation.token,
            issued_at: generation.began_at,
            fresh: false,
            generation: Some(generation.number),
            csrf,
        };
        self.issue(TokenType::Refresh, grant, variable)
    }

    fn issue(
        &self,
        token_type: TokenType,
        grant: &Grant<'_>,
        variable: Variable<'_>,
    ) -> Result<IssuedToken, SigningError> {
        let is_access = token_type == TokenType::Access;
        let (header, lifetime): (_, Duration) = if is_access {
            (&self.access_header, self.profile.access_lifetime)
        } else {
            (&self.refresh_header, self.profile.refresh_lifetime)
        };
        let expires_at = (variable.issued_at + lifetime).min(grant.session_expires_at);
        let payload = serde_json::to_vec(&Payload {
            iss: &self.profile.issuer,
            aud: if is_access { &self.profile.audience } else { &self.refresh_audience },
            sub: grant.user.as_str(),
            username: grant.username,
            sid: grant.session.as_str(),
            generation: variable.generation,
            jti: variable.token.as_str(),
            iat: variable.issued_at,
            nbf: variable.issued_at,
            exp: expires_at,
            auth_time: grant.auth_time,
            r#type: token_type.claim_name(),
            fresh: variable.fresh,
            roles: if is_access { grant.roles } else { &[] },
            csrf: variable.csrf.as_deref(),
            additional: grant.claims.filter(|_| is_access),
        })
        .map_err(SigningCause::from)?;
        let message = format!("{header}.{}", encoding::to_base64url(&payload));
        let signature = self.key.sign(&message)?;
        let text = SecretString::from(format!("{message}.{signature}"));
        Ok(IssuedToken { text, expires_at, csrf: variable.csrf })
    }
}

fn header(key: &SigningKey, token_type: TokenType, mut members: Map<String, Value>) -> String {
    members.insert("alg".to_owned(), key.public().algorithm().name().into());
    members.insert("kid".to_owned(), key.public().kid().into());
    members.insert("typ".to_owned(), token_type.header_name().into());
    encoding::to_base64url(Value::Object(members).to_string().as_bytes())
}

/// What the cookie with a refresh token stands beside.
#[derive(Clone, Copy)]
enum CsrfUse {
    /// A cookie with the access token.
    Pair,
    /// No other: access tokens are in the body of the answer.
    Lone,
}

/// The same each time the token is handed out, and told by nothing but the token. It also says
/// where access tokens go, so that a refresh answers as the login did.
fn csrf_of(token: &TokenId, csrf_use: CsrfUse) -> String {
    let label = match csrf_use {
        CsrfUse::Pair => "csrf",
        CsrfUse::Lone => "lone csrf",
    };
    let digest = digest::digest(&digest::SHA256, format!("{label} {token}").as_bytes());
    encoding::to_base64url(digest.as_ref())
}

impl RefreshClaims {
    /// Whether the token is in a cookie and its access tokens are not.
    pub fn is_alone_in_cookie(&self) -> bool {
        self.csrf.as_ref().is_some_and(|csrf| *csrf == csrf_of(&self.token, CsrfUse::Lone))
    }
}

/// What differs between two tokens of one grant.
struct Variable<'a> {
    token: &'a TokenId,
    issued_at: Timestamp,
    fresh: bool,
    generation: Option<u64>,
    csrf: Option<String>,
}
