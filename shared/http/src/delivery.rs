//! How a client is given its tokens, and a browser told to forget them.

use lambda_http::http::{HeaderMap, Request};
use latchkey_token::TokenType;
use serde_json::Value;

use crate::{
    ApiError, Delivery, ErrorAnswer, JsonBody, RefreshToken, TokenLocation, TokenLocations,
    fields::cookies_named,
};

impl TokenLocations {
    /// How a client that logs in with `body` is to be given its tokens: in cookies when it says
    /// `"cookies": true`, and the refresh token alone in one when it says `"cookies": "refresh"`.
    ///
    /// # Errors
    /// [`ApiError::InvalidRequest`] where tokens are not taken from cookies, and
    /// [`ApiError::CsrfFailed`] for a page of another origin.
    pub fn delivery<B>(
        &self,
        request: &Request<B>,
        body: &JsonBody,
    ) -> Result<Delivery<'_>, ApiError> {
        let delivery = match body.get("cookies") {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(self.delivery_in_body()),
            Some(Value::Bool(true)) => Delivery::Cookies(&self.cookies),
            Some(Value::String(which)) if which == "refresh" => self.delivery_in_both(),
            Some(_) => return Err(ApiError::member("cookies", "must be true, false or refresh")),
        };
        if !self.include(TokenLocation::Cookies) {
            return Err(ApiError::member("cookies", "are not configured"));
        }
        let refused = |refusal| self.refusal(refusal, TokenType::Access);
        self.cookies.check_origin(request).map_err(refused)?;
        Ok(delivery)
    }

    /// How a client is to be given its next tokens whose refresh token was in that place.
    pub fn delivery_after(&self, token: &RefreshToken, location: TokenLocation) -> Delivery<'_> {
        if location != TokenLocation::Cookies {
            return self.delivery_in_body();
        }
        match token {
            RefreshToken::Ours(token) if token.is_alone_in_cookie() => self.delivery_in_both(),
            RefreshToken::Ours(_) | RefreshToken::Flask(_) => Delivery::Cookies(&self.cookies),
        }
    }

    /// How a client is to be given its next tokens whose access token was in that place.
    pub fn delivery_beside<B>(
        &self,
        request: &Request<B>,
        location: TokenLocation,
    ) -> Delivery<'_> {
        let cookie = &self.cookies.refresh.token.name;
        if location == TokenLocation::Cookies {
            Delivery::Cookies(&self.cookies)
        } else if self.include(TokenLocation::Cookies)
            && cookies_named(request.headers(), cookie).next().is_some()
        {
            self.delivery_in_both()
        } else {
            self.delivery_in_body()
        }
    }

    fn delivery_in_both(&self) -> Delivery<'_> {
        Delivery::RefreshCookie { token_type: self.token_type(), cookies: &self.cookies }
    }

    fn delivery_in_body(&self) -> Delivery<'_> {
        Delivery::Body { token_type: self.token_type() }
    }

    /// The same answer as `error`; a browser is told to forget a token in a cookie that is of no
    /// use. One in another place is for the client to forget.
    pub fn refuse(&self, error: ApiError, location: Option<TokenLocation>) -> ErrorAnswer {
        let mut answer = ErrorAnswer::from(error);
        if location == Some(TokenLocation::Cookies) && answer.error.is_verdict_on_token() {
            self.cookies.clear(&mut answer.headers);
        }
        answer
    }

    /// Clears our cookies in the answer to a request, where there may be some.
    pub fn clear_cookies<B>(&self, request: &Request<B>, headers: &mut HeaderMap) {
        if self.include(TokenLocation::Cookies) || self.cookies.are_in(request.headers()) {
            self.cookies.clear(headers);
            self.cookies.clear_strays(request, headers);
        }
    }

    /// Clears cookies that would keep a user out who has just logged in.
    pub fn clear_strays<B>(&self, request: &Request<B>, headers: &mut HeaderMap) {
        if self.include(TokenLocation::Cookies) {
            self.cookies.clear_strays(request, headers);
        }
    }
}
