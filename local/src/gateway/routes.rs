//! Route selection.

use axum::http::Method;

use crate::template::ApiRoute;

/// The routes, most specific first.
#[derive(Debug)]
pub(super) struct Routes(Vec<ApiRoute>);

/// A route that matches a request.
#[derive(Debug)]
pub(super) struct RouteMatch<'a> {
    pub(super) route: &'a ApiRoute,
    pub(super) parameters: Vec<(String, String)>,
}

impl Routes {
    pub(super) fn new(mut routes: Vec<ApiRoute>) -> Self {
        routes.sort_by_key(|route| {
            // Ascending: literal segment, parameter, greedy parameter.
            let generality = |segment| parameter(segment).map(|(_, is_greedy)| is_greedy);
            let path: Vec<_> = route.path.split('/').map(generality).collect();
            (path, route.method == "ANY")
        });
        Self(routes)
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Option<RouteMatch<'_>> {
        self.0
            .iter()
            .filter(|route| route.method == "ANY" || route.method == method.as_str())
            .find_map(|route| {
                Some(RouteMatch { route, parameters: parameters(&route.path, path)? })
            })
    }
}

/// Parses `{name}`, which matches one segment, and `{name+}`, which matches the rest of the path. The
/// flag says whether it is greedy.
fn parameter(segment: &str) -> Option<(&str, bool)> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').map_or((name, false), |greedy| (greedy, true)))
}

/// The parameters of a path; `None` if the route does not match it.
fn parameters(route: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    let mut rest = Some(path);
    for expected in route.split('/') {
        let (segment, after) = split_segment(rest?);
        match parameter(expected) {
            None if segment == expected => rest = after,
            Some((name, false)) if !segment.is_empty() => {
                parameters.push((name.to_owned(), segment.to_owned()));
                rest = after;
            }
            Some((name, true)) => {
                let all = rest.filter(|all| !all.is_empty())?;
                parameters.push((name.to_owned(), all.to_owned()));
                return Some(parameters);
            }
            _ => return None,
        }
    }
    rest.is_none().then_some(parameters)
}

fn split_segment(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(segment, rest)| (segment, Some(rest)))
}
