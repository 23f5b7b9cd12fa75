//! Issuing tokens.

use std::time::Duration;

use aws_lc_rs::digest;
use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::{
    additional::{AdditionalError, check_headers},
    claims::{Generation, Grant, Payload, RefreshClaims, TokenType},
    encoding::to_base64url,
    error::SigningError,
    id::TokenId,
    profile::{TokenProfile, refresh_audience},
    signing::SigningKey,
    timestamp::Timestamp,
};

/// Signs tokens with one key for one profile. Create one per request; it only borrows.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    key: &'a SigningKey,
    profile: &'a TokenProfile,
    headers: Option<&'a Map<String, Value>>,
}

/// A new token.
#[derive(Debug)]
pub struct IssuedToken {
    /// The compact JWS (RFC 7515 §3.1): a bearer credential.
    pub text: SecretString,
    /// The `exp` claim.
    pub expires_at: Timestamp,
    /// The `csrf` claim; `None` unless the token is for a cookie.
    pub csrf: Option<String>,
}

impl<'a> Issuer<'a> {
    /// An issuer that signs tokens for `profile` with `key`.
    pub const fn new(key: &'a SigningKey, profile: &'a TokenProfile) -> Self {
        Self { key, profile, headers: None }
    }

    /// Adds `headers` to the header of access tokens, beside `alg`, `kid` and `typ`: at most eight
    /// headers and 512 bytes of JSON.
    ///
    /// # Errors
    /// [`AdditionalError::Reserved`] for a [reserved](crate#claims-and-headers-of-an-application)
    /// header; [`AdditionalError::TooLarge`] beyond the limits.
    pub fn with_headers(self, headers: &'a Map<String, Value>) -> Result<Self, AdditionalError> {
        check_headers(headers)?;
        Ok(Self { headers: Some(headers), ..self })
    }

    /// The longest lifetime of an access token, from the profile.
    pub const fn access_lifetime(self) -> Duration {
        self.profile.access_lifetime
    }

    /// Issues an access token with a random `jti`. Pass `fresh` if the user has just proved the
    /// password. `exp` is `now` plus the profile's lifetime, or the end of the session if that is
    /// earlier.
    ///
    /// # Errors
    /// [`SigningError`] if the cryptography library or the operating system's random generator
    /// fails.
    pub fn access_token(
        self,
        grant: &Grant<'_>,
        fresh: bool,
        now: Timestamp,
    ) -> Result<IssuedToken, SigningError> {
        let token = TokenId::generate()?;
        let csrf = grant.for_cookies.then(TokenId::generate).transpose()?.map(String::from);
        let additional = grant.claims.map(|claims| claims.as_map().clone());
        let payload = self.payload(TokenType::Access, grant, token, now);
        self.sign(Payload {
            fresh,
            roles: grant.roles.to_vec(),
            csrf,
            additional: additional.unwrap_or_default(),
            ..payload
        })
    }

    /// Issues the refresh token of a generation. `iat`, `jti` and `csrf` come from the generation,
    /// so a second call returns a token with the same claims. With `for_cookies` both tokens are
    /// for cookies.
    ///
    /// # Errors
    /// As [`Issuer::access_token`].
    pub fn refresh_token(
        self,
        grant: &Grant<'_>,
        generation: &Generation,
    ) -> Result<IssuedToken, SigningError> {
        let label = grant.for_cookies.then_some("csrf");
        self.refresh_token_with(grant, generation, label)
    }

    /// Issues the refresh token of a generation for a cookie whose access token is not in a cookie.
    /// [`RefreshClaims::is_alone_in_cookie`] recognises it.
    ///
    /// # Errors
    /// As [`Issuer::access_token`].
    pub fn lone_refresh_token(
        self,
        grant: &Grant<'_>,
        generation: &Generation,
    ) -> Result<IssuedToken, SigningError> {
        self.refresh_token_with(grant, generation, Some(LONE_CSRF))
    }

    fn refresh_token_with(
        self,
        grant: &Grant<'_>,
        generation: &Generation,
        csrf_label: Option<&str>,
    ) -> Result<IssuedToken, SigningError> {
        let (token, began_at) = (generation.token.clone(), generation.began_at);
        let csrf = csrf_label.map(|label| refresh_csrf(label, &token));
        let payload = self.payload(TokenType::Refresh, grant, token, began_at);
        self.sign(Payload { generation: Some(generation.number), csrf, ..payload })
    }

    fn payload(
        self,
        token_type: TokenType,
        grant: &Grant<'_>,
        token: TokenId,
        issued_at: Timestamp,
    ) -> Payload {
        let profile = self.profile;
        let (aud, lifetime) = match token_type {
            TokenType::Access => (profile.audience.clone(), profile.access_lifetime),
            TokenType::Refresh => (refresh_audience(&profile.issuer), profile.refresh_lifetime),
        };
        Payload {
            iss: profile.issuer.clone(),
            aud,
            sub: grant.user.clone(),
            username: grant.username.to_owned(),
            sid: grant.session.clone(),
            generation: None,
            jti: token,
            iat: issued_at,
            nbf: issued_at,
            exp: (issued_at + lifetime).min(grant.session_expires_at),
            auth_time: grant.auth_time,
            token_type,
            fresh: false,
            roles: Vec::new(),
            csrf: None,
            additional: Map::new(),
        }
    }

    fn sign(self, payload: Payload) -> Result<IssuedToken, SigningError> {
        let (key, token_type) = (self.key.public(), payload.token_type);
        let headers = self.headers.filter(|_| token_type == TokenType::Access);
        let mut header = headers.cloned().unwrap_or_default();
        header.insert("alg".to_owned(), key.algorithm().name().into());
        header.insert("kid".to_owned(), key.kid().into());
        header.insert("typ".to_owned(), token_type.header_name().into());
        let header = to_base64url(Value::Object(header).to_string());
        let claims = serde_json::to_vec(&payload).map_err(|_| SigningError::Cryptography)?;
        let message = format!("{header}.{}", to_base64url(claims));
        let signature = self.key.sign(message.as_bytes()).ok_or(SigningError::Cryptography)?;
        let text = SecretString::from(format!("{message}.{signature}"));
        Ok(IssuedToken { text, expires_at: payload.exp, csrf: payload.csrf })
    }
}

const LONE_CSRF: &str = "lone csrf";

/// The `csrf` claim of a refresh token, derived from its `jti`: the same each time the token is
/// issued. The label records whether access tokens go into cookies too, so that a refresh delivers
/// tokens like the login.
fn refresh_csrf(label: &str, token: &TokenId) -> String {
    to_base64url(digest::digest(&digest::SHA256, format!("{label} {token}").as_bytes()))
}

impl RefreshClaims {
    /// Whether this refresh token is in a cookie and its access tokens are not
    /// ([`Issuer::lone_refresh_token`]).
    pub fn is_alone_in_cookie(&self) -> bool {
        let lone = self.token.as_ref().map(|token| refresh_csrf(LONE_CSRF, token));
        lone.is_some() && lone == self.csrf
    }
}
