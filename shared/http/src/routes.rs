//! Routing by a table.

use lambda_http::Request;

use crate::{ApiError, ErrorKind};

/// Method, path and target of a route. The path `*` matches every path. A path that ends in `/{}`
/// matches every path with that prefix; the rest is the parameter, still percent-encoded.
pub type Route<T> = (&'static str, &'static str, T);

/// The target of the first route that matches `request`, and the parameter of its path, which is
/// empty for a route without one.
///
/// # Errors
/// 404 [`NotFound`](ErrorKind::NotFound) for an unknown path;
/// 405 [`MethodNotAllowed`](ErrorKind::MethodNotAllowed) with `Allow` if the path has other methods
/// only.
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
