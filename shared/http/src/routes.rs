//! The routes of a function, as a table.

use lambda_http::Request;

use crate::{ApiError, ErrorKind};

/// A method, a path and what they lead to. A path is `*` for every path, or may end in `/{}` for
/// one segment that is a parameter.
pub type Route<T> = (&'static str, &'static str, T);

/// The target of a request in `routes`, and the path's parameter, or "" if it has none.
///
/// # Errors
/// 404 for an unknown path; 405 with `Allow` for another method of a known one.
pub fn route<'r, T: Copy>(
    request: &'r Request,
    routes: &[Route<T>],
) -> Result<(T, &'r str), ApiError> {
    let mut allowed = Vec::new();
    for (method, path, target) in routes {
        let Some(parameter) = parameter(path, request.uri().path()) else { continue };
        if request.method() == method {
            return Ok((*target, parameter));
        }
        allowed.push(*method);
    }
    if allowed.is_empty() {
        return Err(ErrorKind::NotFound.into());
    }
    Err(ApiError::method_not_allowed(&allowed.join(", ")))
}

/// The parameter of `path` if it matches `pattern`.
fn parameter<'r>(pattern: &str, path: &'r str) -> Option<&'r str> {
    match pattern.strip_suffix("{}") {
        Some(prefix) => path.strip_prefix(prefix),
        None => (pattern == "*" || pattern == path).then_some(""),
    }
}
