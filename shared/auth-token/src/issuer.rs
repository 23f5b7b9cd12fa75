//! Making tokens.

use std::time::Duration;

use secrecy::SecretString;
use serde::Serialize;

use crate::{
    claims::{Generation, Grant, TokenType},
    encoding,
    error::{SigningCause, SigningError},
    id::TokenId,
    key::SigningKey,
    profile::TokenProfile,
    timestamp::Timestamp,
};

/// Signs tokens with one key for one profile.
#[derive(Debug)]
pub struct Issuer {
    key: SigningKey,
    profile: TokenProfile,
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
}

impl Issuer {
    /// An issuer of tokens for `profile`, signed with `key`.
    pub fn new(key: SigningKey, profile: TokenProfile) -> Self {
        let header = |token_type: TokenType| {
            let header = serde_json::json!({
                "alg": key.algorithm().name(),
                "kid": key.kid(),
                "typ": token_type.header_name(),
            });
            encoding::to_base64url(header.to_string().as_bytes())
        };
        let (access_header, refresh_header) =
            (header(TokenType::Access), header(TokenType::Refresh));
        Self { key, profile, access_header, refresh_header }
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
        let variable = Variable { token: &token, issued_at: now, fresh, generation: None };
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
        let variable = Variable {
            token: &generation.token,
            issued_at: generation.began_at,
            fresh: false,
            generation: Some(generation.number),
        };
        self.issue(TokenType::Refresh, grant, variable)
    }

    fn issue(
        &self,
        token_type: TokenType,
        grant: &Grant<'_>,
        variable: Variable<'_>,
    ) -> Result<IssuedToken, SigningError> {
        let (header, lifetime, roles): (_, Duration, _) = match token_type {
            TokenType::Access => (&self.access_header, self.profile.access_lifetime, grant.roles),
            TokenType::Refresh => (&self.refresh_header, self.profile.refresh_lifetime, &[][..]),
        };
        let expires_at = (variable.issued_at + lifetime).min(grant.session_expires_at);
        let payload = serde_json::to_vec(&Payload {
            iss: &self.profile.issuer,
            aud: &self.profile.audience,
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
            roles,
        })
        .map_err(SigningCause::from)?;
        let message = format!("{header}.{}", encoding::to_base64url(&payload));
        let signature = self.key.sign(&message)?;
        Ok(IssuedToken { text: SecretString::from(format!("{message}.{signature}")), expires_at })
    }
}

/// What differs between two tokens of one grant.
#[derive(Clone, Copy)]
struct Variable<'a> {
    token: &'a TokenId,
    issued_at: Timestamp,
    fresh: bool,
    generation: Option<u64>,
}
