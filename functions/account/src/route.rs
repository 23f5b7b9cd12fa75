//! Which of the account's routes a request asks for.

use lambda_http::{Request, http::Method};
use latchkey_http::ApiError;

pub(crate) enum Route<'a> {
    ShowMe,
    DeleteMe,
    ListSessions,
    EndSessions,
    EndSession(&'a str),
}

impl<'a> Route<'a> {
    pub(crate) fn of(request: &'a Request) -> Result<Self, ApiError> {
        let path = request.uri().path();
        match (path, request.method()) {
            ("/me", &Method::GET) => Ok(Self::ShowMe),
            ("/me", &Method::DELETE) => Ok(Self::DeleteMe),
            ("/sessions", &Method::GET) => Ok(Self::ListSessions),
            ("/sessions", &Method::DELETE) => Ok(Self::EndSessions),
            ("/me" | "/sessions", _) => Err(ApiError::MethodNotAllowed("GET, DELETE")),
            (path, method) => match (path.strip_prefix("/sessions/"), method) {
                (Some(id), &Method::DELETE) => Ok(Self::EndSession(id)),
                (Some(_), _) => Err(ApiError::MethodNotAllowed("DELETE")),
                (None, _) => Err(ApiError::NotFound),
            },
        }
    }
}
