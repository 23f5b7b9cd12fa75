//! The guard: who is calling, and may they.

use std::collections::HashMap;

use auth_session::Username;
use auth_store::{Aws, DynamoUsers, FindSession, KeySource, KeySourceError, StoreError};
use auth_token::{
    AccessClaims, PresentedToken, SessionId, Timestamp, TokenError, TokenId, TokenProfile,
    TokenType, UserId, Verifier,
};
use lambda_http::{Request, http::header::AUTHORIZATION};

use crate::{ApiError, Gateway};

/// When a session is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationCheck {
    /// At every request, with a consistent read: a logout takes effect at once.
    Strict,
    /// Never: a token is good until it expires.
    Off,
}

/// What a guard is made from.
#[derive(Clone, Debug)]
pub struct GuardSettings {
    /// The users table, which holds the sessions.
    pub users_table: String,
    /// Where the keys are.
    pub keys: KeySource,
    /// Which tokens are ours.
    pub tokens: TokenProfile,
    /// When a session is looked up.
    pub revocation: RevocationCheck,
}

/// Who is calling. Only the guard makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(AccessClaims);

impl Identity {
    /// The user's immutable identifier: what data is filed under.
    pub const fn user(&self) -> &UserId {
        &self.0.user
    }

    /// The user name as it was typed at sign-up: what people are shown.
    pub fn username(&self) -> &str {
        &self.0.username
    }

    /// Everything that the token says.
    pub const fn claims(&self) -> &AccessClaims {
        &self.0
    }
}

/// Why a caller is not let through.
#[derive(Debug)]
pub enum Refusal {
    /// No token was presented.
    NoToken,
    /// The token is not valid.
    Token(TokenError),
    /// The token is valid, its session is not.
    SessionEnded,
    /// Whether the session lives could not be found out.
    Fault(StoreError),
}

impl Refusal {
    /// The reason in a word, for the log.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoToken => "no token",
            Self::Token(TokenError::Expired) => "expired token",
            Self::Token(_) => "invalid token",
            Self::SessionEnded => "session ended",
            Self::Fault(_) => "store fault",
        }
    }
}

/// Checks access tokens: form, signature, claims, and the session that each one names.
#[derive(Clone, Debug)]
pub struct Guard<S> {
    verifier: Verifier,
    /// `None` when sessions are not looked up.
    sessions: Option<S>,
}

impl Guard<DynamoUsers> {
    /// A guard over a deployment. No AWS client is made when `settings` need none.
    ///
    /// # Errors
    /// Every variant of [`KeySourceError`].
    pub async fn connect(settings: GuardSettings, aws: &Aws) -> Result<Self, KeySourceError> {
        let keys = settings.keys.load(aws).await?.verifying_keys();
        let sessions = match settings.revocation {
            RevocationCheck::Strict => Some(DynamoUsers::connect(aws, settings.users_table).await),
            RevocationCheck::Off => None,
        };
        Ok(Self::new(Verifier::new(keys, settings.tokens), sessions))
    }
}

impl<S: FindSession> Guard<S> {
    /// A guard that looks sessions up in `sessions`, or nowhere.
    pub const fn new(verifier: Verifier, sessions: Option<S>) -> Self {
        Self { verifier, sessions }
    }

    /// The caller of a protected route, who must present an access token as
    /// `Authorization: Bearer …`, or `JWT …` as Flask-JWT's clients do.
    ///
    /// # Errors
    /// The 401 that the route answers, or 503 when the session could not be looked up.
    pub async fn identify(&self, request: &Request, now: Timestamp) -> Result<Identity, ApiError> {
        let admitted = match presented_token(request) {
            Ok(token) => self.admit(token, now).await,
            Err(refusal) => Err(refusal),
        };
        admitted.map_err(|refusal| ApiError::refusal(refusal, TokenType::Access))
    }

    /// The caller of a route behind the API Gateway authorizer. The gateway caches decisions
    /// without looking at a token's `exp`, so that is checked here again; without an authorizer's
    /// context the token itself is, so that no route is open because a gateway is missing.
    ///
    /// # Errors
    /// As [`Guard::identify`].
    pub async fn identify_behind_authorizer(
        &self,
        request: &Request,
        now: Timestamp,
    ) -> Result<Identity, ApiError> {
        match Gateway::of(request).authorizer.as_ref().and_then(from_context) {
            Some(claims) if claims.expires_at > now => Ok(Identity(claims)),
            Some(_) => Err(ApiError::TokenExpired),
            None => self.identify(request, now).await,
        }
    }

    /// The caller who presents the text of an access token.
    ///
    /// # Errors
    /// Every variant of [`Refusal`] but [`Refusal::NoToken`].
    pub async fn admit(&self, token: &str, now: Timestamp) -> Result<Identity, Refusal> {
        let token = PresentedToken::parse(token).map_err(Refusal::Token)?;
        let claims = self.verifier.access(token, now).map_err(Refusal::Token)?;
        if let Some(sessions) = &self.sessions {
            let username = Username::parse(&claims.username)
                .map_err(|_| Refusal::Token(TokenError::BadClaims))?;
            let found =
                sessions.find_session(&username, &claims.session).await.map_err(Refusal::Fault)?;
            if !found.is_some_and(|state| state.is_alive(&claims.user, now)) {
                return Err(Refusal::SessionEnded);
            }
        }
        Ok(Identity(claims))
    }
}

/// The one token of a request.
fn presented_token(request: &Request) -> Result<&str, Refusal> {
    let malformed = Refusal::Token(TokenError::NotCompact);
    let mut values = request.headers().get_all(AUTHORIZATION).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(Refusal::NoToken),
        (Some(value), None) => bearer_token(value.to_str().map_err(|_| malformed)?),
        (Some(_), Some(_)) => Err(malformed),
    }
}

/// The token in an `Authorization` value: the scheme in any case, one space, the token.
///
/// # Errors
/// [`Refusal::NoToken`] when the value is of another scheme.
pub fn bearer_token(value: &str) -> Result<&str, Refusal> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if ["Bearer", "JWT"].iter().any(|ours| scheme.eq_ignore_ascii_case(ours)) {
        Ok(token)
    } else {
        Err(Refusal::NoToken)
    }
}

/// The claims in the context that our authorizer returns; `None` unless they are complete.
fn from_context(context: &HashMap<String, String>) -> Option<AccessClaims> {
    let text = |name: &str| context.get(name).map(String::as_str);
    let moment = |name: &str| text(name)?.parse().ok().map(Timestamp::from_unix);
    Some(AccessClaims {
        user: UserId::parse(text("sub")?)?,
        username: text("username")?.to_owned(),
        session: SessionId::parse(text("sid")?)?,
        token: TokenId::parse(text("jti")?)?,
        auth_time: moment("auth_time")?,
        expires_at: moment("exp")?,
        fresh: text("fresh")?.parse().ok()?,
        roles: text("roles")?.split_whitespace().map(str::to_owned).collect(),
    })
}

/// The context that our authorizer returns for a caller; strings only, which every kind of API
/// hands on unchanged.
pub fn to_context(identity: &Identity) -> [(&'static str, String); 8] {
    let claims = identity.claims();
    [
        ("sub", claims.user.to_string()),
        ("username", claims.username.clone()),
        ("sid", claims.session.to_string()),
        ("jti", claims.token.to_string()),
        ("roles", claims.roles.join(" ")),
        ("fresh", claims.fresh.to_string()),
        ("auth_time", claims.auth_time.unix().to_string()),
        ("exp", claims.expires_at.unix().to_string()),
    ]
}
