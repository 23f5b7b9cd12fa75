//! Issues tokens.

use std::time::Duration;

use aws_lc_rs::digest;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    additional::{AdditionalClaims, AdditionalError, check_headers},
    claims::{Generation, Grant, RefreshClaims, TokenType},
    encoding::to_base64url,
    error::SigningError,
    id::TokenId,
    profile::{TokenProfile, refresh_audience},
    signing::SigningKey,
    timestamp::Timestamp,
};

/// Signs tokens with one key for one profile.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    key: &'a SigningKey,
    profile: &'a TokenProfile,
    headers: Option<&'a Map<String, Value>>,
}

/// A new token.
#[derive(Debug)]
pub struct IssuedToken {
    /// The compact JWS. It grants access to everyone who has it.
    pub text: SecretString,
    /// Its `exp` claim.
    pub expires_at: Timestamp,
    /// Its `csrf` claim, if it is for a cookie.
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

impl<'a> Issuer<'a> {
    /// An issuer of tokens for `profile`, signed with `key`.
    pub const fn new(key: &'a SigningKey, profile: &'a TokenProfile) -> Self {
        Self { key, profile, headers: None }
    }

    /// The same, but access tokens carry `headers` besides `alg`, `kid` and `typ`.
    ///
    /// # Errors
    /// [`AdditionalError`] for reserved headers, and for too many.
    pub fn with_headers(self, headers: &'a Map<String, Value>) -> Result<Self, AdditionalError> {
        check_headers(headers)?;
        Ok(Self { headers: Some(headers), ..self })
    }

    /// The longest lifetime of an access token.
    pub const fn access_lifetime(self) -> Duration {
        self.profile.access_lifetime
    }

    /// An access token. It is `fresh` if the user has just proved the password.
    ///
    /// # Errors
    /// [`SigningError`] when the cryptography library or the system's random numbers fail.
    pub fn access_token(
        self,
        grant: &Grant<'_>,
        fresh: bool,
        now: Timestamp,
    ) -> Result<IssuedToken, SigningError> {
        let token = TokenId::generate()?;
        let csrf = grant.for_cookies.then(TokenId::generate).transpose()?.map(String::from);
        let expires_at = (now + self.profile.access_lifetime).min(grant.session_expires_at);
        let payload = Payload {
            iss: &self.profile.issuer,
            aud: &self.profile.audience,
            sub: grant.user.as_str(),
            username: grant.username,
            sid: grant.session.as_str(),
            generation: None,
            jti: token.as_str(),
            iat: now,
            nbf: now,
            exp: expires_at,
            auth_time: grant.auth_time,
            r#type: TokenType::Access.claim_name(),
            fresh,
            roles: grant.roles,
            csrf: csrf.as_deref(),
            additional: grant.claims,
        };
        let headers = self.headers.cloned().unwrap_or_default();
        let text = self.sign(TokenType::Access, headers, &payload)?;
        Ok(IssuedToken { text, expires_at, csrf })
    }

    /// The refresh token of a generation of the session.
    ///
    /// # Errors
    /// As [`Issuer::access_token`].
    pub fn refresh_token(
        self,
        grant: &Grant<'_>,
        generation: &Generation,
    ) -> Result<IssuedToken, SigningError> {
        let csrf = grant.for_cookies.then(|| refresh_csrf("csrf", &generation.token));
        self.refresh_token_with(grant, generation, csrf)
    }

    /// The same, for a cookie whose access tokens are not in cookies.
    ///
    /// # Errors
    /// As [`Issuer::access_token`].
    pub fn lone_refresh_token(
        self,
        grant: &Grant<'_>,
        generation: &Generation,
    ) -> Result<IssuedToken, SigningError> {
        let csrf = refresh_csrf(LONE_CSRF, &generation.token);
        self.refresh_token_with(grant, generation, Some(csrf))
    }

    fn refresh_token_with(
        self,
        grant: &Grant<'_>,
        generation: &Generation,
        csrf: Option<String>,
    ) -> Result<IssuedToken, SigningError> {
        let issued_at = generation.began_at;
        let expires_at = (issued_at + self.profile.refresh_lifetime).min(grant.session_expires_at);
        let payload = Payload {
            iss: &self.profile.issuer,
            aud: &refresh_audience(&self.profile.issuer),
            sub: grant.user.as_str(),
            username: grant.username,
            sid: grant.session.as_str(),
            generation: Some(generation.number),
            jti: generation.token.as_str(),
            iat: issued_at,
            nbf: issued_at,
            exp: expires_at,
            auth_time: grant.auth_time,
            r#type: TokenType::Refresh.claim_name(),
            fresh: false,
            roles: &[],
            csrf: csrf.as_deref(),
            additional: None,
        };
        let text = self.sign(TokenType::Refresh, Map::new(), &payload)?;
        Ok(IssuedToken { text, expires_at, csrf })
    }

    fn sign(
        self,
        token_type: TokenType,
        mut header: Map<String, Value>,
        payload: &Payload<'_>,
    ) -> Result<SecretString, SigningError> {
        let key = self.key.public();
        header.insert("alg".to_owned(), key.algorithm().name().into());
        header.insert("kid".to_owned(), key.kid().into());
        header.insert("typ".to_owned(), token_type.header_name().into());
        let header = to_base64url(Value::Object(header).to_string());
        let payload = serde_json::to_vec(payload).map_err(|_| SigningError::Cryptography)?;
        let message = format!("{header}.{}", to_base64url(payload));
        let signature = self.key.sign(&message)?;
        Ok(SecretString::from(format!("{message}.{signature}")))
    }
}

const LONE_CSRF: &str = "lone csrf";

/// The CSRF secret of a refresh token: the same each time that the token is issued, and known only
/// to those who have the token. Its label says whether access tokens go into cookies too, so that
/// a refresh answers as the login did.
fn refresh_csrf(label: &str, token: &TokenId) -> String {
    to_base64url(digest::digest(&digest::SHA256, format!("{label} {token}").as_bytes()))
}

impl RefreshClaims {
    /// Whether the token is in a cookie and its access tokens are not.
    pub fn is_alone_in_cookie(&self) -> bool {
        let lone = self.token.as_ref().map(|token| refresh_csrf(LONE_CSRF, token));
        lone.is_some() && lone == self.csrf
    }
}
