//! Which sessions a logout ends.

use lambda_http::http::Request;
use latchkey_token::{PresentedToken, SessionClaims, Timestamp, TokenError, TokenType};

use crate::{
    ErrorAnswer, Refusal, TokenLocation, TokenReader, TokenVerifiers, locations::TokenBody,
};

/// A token in a cookie that is genuine, expired or not.
struct InCookie {
    token_type: TokenType,
    claims: SessionClaims,
    is_expired: bool,
}

impl<K: AsRef<TokenVerifiers> + Send + Sync + 'static> TokenReader<K> {
    /// The sessions that a request's valid tokens of either type name. Each token is tried: a
    /// browser sends an expired one along with a good one, and cookies of two paths or domains.
    ///
    /// # Errors
    /// When no token is valid, the 401 that the route answers for the first one, or for the good
    /// one whose request has no proof that our own pages sent it.
    pub async fn sessions<B: TokenBody>(
        &self,
        request: &Request<B>,
        now: Timestamp,
    ) -> Result<Vec<SessionClaims>, ErrorAnswer> {
        let mut sessions = Vec::<SessionClaims>::new();
        let mut refusals = Vec::new();
        match self.locations.find_explicit(request) {
            Ok(found) => match self.session_of(&found.text, now).await {
                Ok(claims) => sessions.push(claims),
                Err(refusal) => refusals.push((refusal, found.location)),
            },
            Err(Refusal::NoToken) => {}
            Err(refusal) => return Err(self.locations.refusal(refusal, TokenType::Access).into()),
        }
        let mut in_cookies = Vec::new();
        for (token_type, text) in self.locations.find_in_cookies(request.headers()) {
            match self.in_cookie(token_type, &text, now).await {
                Ok(found) => {
                    if found.is_expired {
                        let expired = Refusal::Token(TokenError::Expired);
                        refusals.push((expired, TokenLocation::Cookies));
                    }
                    in_cookies.push(found);
                }
                Err(refusal) => refusals.push((refusal, TokenLocation::Cookies)),
            }
        }
        for found in in_cookies.iter().filter(|found| !found.is_expired) {
            match self.check_csrf_of(request, &found.claims, &in_cookies) {
                Ok(()) => sessions.push(found.claims.clone()),
                Err(refusal) => refusals.push((refusal, TokenLocation::Cookies)),
            }
        }
        if sessions.is_empty() {
            let mut answer = self.refuse_all(refusals);
            if !answer.headers.is_empty() {
                self.locations.clear_strays(request, &mut answer.headers);
            }
            return Err(answer);
        }
        sessions.sort_by(|a, b| (&a.user, &a.session).cmp(&(&b.user, &b.session)));
        sessions.dedup_by(|a, b| (&a.user, &a.session) == (&b.user, &b.session));
        Ok(sessions)
    }

    async fn session_of(&self, text: &str, now: Timestamp) -> Result<SessionClaims, Refusal> {
        let token = PresentedToken::parse(text).map_err(Refusal::Token)?;
        self.verified(token, now, |keys| keys.verifier.session(token, now)).await
    }

    async fn in_cookie(
        &self,
        token_type: TokenType,
        text: &str,
        now: Timestamp,
    ) -> Result<InCookie, Refusal> {
        let token = PresentedToken::parse(text).map_err(Refusal::Token)?;
        let verify = |keys: &TokenVerifiers| match keys.verifier.session(token, now) {
            Ok(claims) => Ok((claims, false)),
            Err(TokenError::Expired) => {
                keys.verifier.session_of_expired(token, now).map(|claims| (claims, true))
            }
            Err(error) => Err(error),
        };
        let (claims, is_expired) = self.verified(token, now, verify).await?;
        Ok(InCookie { token_type, claims, is_expired })
    }

    /// Whether a request says the `csrf` claim of a token of that session: it shows that a page of
    /// ours sends it also when that token has expired.
    fn check_csrf_of<B>(
        &self,
        request: &Request<B>,
        session: &SessionClaims,
        in_cookies: &[InCookie],
    ) -> Result<(), Refusal> {
        let of_session = in_cookies.iter().filter(|found| {
            (&found.claims.user, &found.claims.session) == (&session.user, &session.session)
        });
        let expected =
            of_session.filter_map(|found| Some((found.token_type, found.claims.csrf.as_deref()?)));
        let cookies = &self.locations.cookies;
        // A token that was made for a header is not one to be sent along by a browser.
        session.csrf.as_deref().ok_or(Refusal::MALFORMED)?;
        cookies.check_origin(request)?;
        cookies.check_said(request.headers(), expected)
    }

    /// The one answer to tokens of which none is good: first what can be mended.
    fn refuse_all(&self, mut refusals: Vec<(Refusal, TokenLocation)>) -> ErrorAnswer {
        let rank = |refusal: &Refusal| {
            let is_fault = matches!(refusal, Refusal::Fault(_));
            (!is_fault, !matches!(refusal, Refusal::Csrf(_)))
        };
        refusals.sort_by_key(|(refusal, _)| rank(refusal));
        let in_cookies = TokenLocation::Cookies;
        let location = refusals.iter().any(|(_, found)| *found == in_cookies).then_some(in_cookies);
        let first = refusals.into_iter().next();
        let refusal = first.map_or(Refusal::NoToken, |(refusal, _)| refusal);
        self.locations.refuse(self.locations.refusal(refusal, TokenType::Access), location)
    }
}
