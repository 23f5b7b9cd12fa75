//! Where responses put tokens, and when they clear cookies.

use lambda_http::{Request, http::HeaderMap};
use latchkey_http::{ApiError, JsonBody};
use latchkey_token::RefreshClaims;
use serde_json::Value;

use crate::{Delivery, TokenLocation, TokenLocations, fields::cookies_named};

impl TokenLocations {
    /// Where to put the tokens of a login, by the member `cookies` of its `body`: `true` puts both
    /// into cookies, `"refresh"` only the refresh token; `false`, `null` or no member puts both
    /// into the body.
    ///
    /// # Errors
    /// 400 [`InvalidRequest`](latchkey_http::ErrorKind::InvalidRequest) for another value, or if
    /// cookies are not a configured location;
    /// 401 [`OriginNotAllowed`](latchkey_http::ErrorKind::OriginNotAllowed) for a page of another
    /// origin.
    pub fn delivery(&self, request: &Request, body: &JsonBody) -> Result<Delivery<'_>, ApiError> {
        let delivery = match body.get("cookies") {
            None | Some(Value::Null | Value::Bool(false)) => return Ok(self.delivery_in_body()),
            Some(Value::Bool(true)) => Delivery::Cookies(&self.cookies),
            Some(Value::String(which)) if which == "refresh" => self.delivery_in_both(),
            Some(_) => return Err(ApiError::member("cookies", "must be true, false or refresh")),
        };
        if !self.include(TokenLocation::Cookies) {
            return Err(ApiError::member("cookies", "are not configured"));
        }
        self.cookies.check_origin(request)?;
        Ok(delivery)
    }

    /// Where to put the tokens of a refresh: where the refresh token was.
    pub fn delivery_after(&self, token: &RefreshClaims, location: TokenLocation) -> Delivery<'_> {
        if location != TokenLocation::Cookies {
            self.delivery_in_body()
        } else if token.is_alone_in_cookie() {
            self.delivery_in_both()
        } else {
            Delivery::Cookies(&self.cookies)
        }
    }

    /// Where to put new tokens for a request whose access token was in `location`. A refresh token
    /// that was in a cookie stays in a cookie.
    pub fn delivery_beside(&self, request: &Request, location: TokenLocation) -> Delivery<'_> {
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

    /// Adds headers that clear the cookies to `error`, if the refused token was in a cookie and can
    /// never become valid.
    #[must_use]
    pub fn refuse(&self, error: ApiError, location: TokenLocation) -> ApiError {
        if location != TokenLocation::Cookies || !error.kind().is_final_for_token() {
            return error;
        }
        let mut headers = HeaderMap::new();
        self.cookies.clear(&mut headers);
        error.with_header_map(&headers)
    }

    /// Clears the cookies if cookies are a configured location or the request has any of them.
    pub fn clear_cookies(&self, request: &Request, headers: &mut HeaderMap) {
        if self.include(TokenLocation::Cookies) || self.cookies.are_in(request.headers()) {
            self.cookies.clear(headers);
            self.cookies.clear_strays(request, headers);
        }
    }

    /// Clears cookies with the configured names but another path or domain, if the request has
    /// conflicting values.
    pub fn clear_strays(&self, request: &Request, headers: &mut HeaderMap) {
        if self.include(TokenLocation::Cookies) {
            self.cookies.clear_strays(request, headers);
        }
    }
}
