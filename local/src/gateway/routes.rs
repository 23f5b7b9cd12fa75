//! Which route a request is for.

use axum::http::Method;

use crate::template::Route;

/// The routes, the most specific first.
#[derive(Debug)]
pub(super) struct Routes(Vec<Route>);

/// A route that fits a request.
#[derive(Debug)]
pub(super) struct Match<'a> {
    pub(super) route: &'a Route,
    pub(super) parameters: Vec<(String, String)>,
}

/// How closely a segment of a route's path says what it fits.
fn looseness(segment: &str) -> u8 {
    match parameter(segment) {
        None => 0,
        Some((_, false)) => 1,
        Some((_, true)) => 2,
    }
}

/// `{name}` fits one segment, `{name+}` all that follow.
fn parameter(segment: &str) -> Option<(&str, bool)> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    Some(name.strip_suffix('+').map_or((name, false), |greedy| (greedy, true)))
}

impl Routes {
    pub(super) fn new(routes: &[Route]) -> Self {
        let mut routes = routes.to_vec();
        routes.sort_by_key(|route| {
            let path: Vec<_> = route.path.split('/').map(looseness).collect();
            (path, route.method == "ANY")
        });
        Self(routes)
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Option<Match<'_>> {
        self.0.iter().find_map(|route| {
            let fits = route.method == "ANY" || route.method == method.as_str();
            let parameters = if fits {
                fit(&route.path, path)?
            } else {
                return None;
            };
            Some(Match { route, parameters })
        })
    }
}

/// The path's parameters if it fits the route's.
fn fit(route: &str, path: &str) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    let mut segments = path.split('/');
    for expected in route.split('/') {
        match parameter(expected) {
            None if segments.next()? == expected => {}
            None => return None,
            Some((name, false)) => {
                let segment = segments.next().filter(|segment| !segment.is_empty())?;
                parameters.push((name.to_owned(), segment.to_owned()));
            }
            Some((name, true)) => {
                let rest: Vec<_> = segments.collect();
                let rest = rest.join("/");
                return (!rest.is_empty()).then(|| {
                    parameters.push((name.to_owned(), rest));
                    parameters
                });
            }
        }
    }
    segments.next().is_none().then_some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(method: &Method, path: &str) -> Option<(String, Vec<(String, String)>)> {
        let route = |method: &str, path: &str| Route {
            method: method.to_owned(),
            path: path.to_owned(),
            function: format!("{method} {path}"),
            authorizer: None,
        };
        let routes = Routes::new(&[
            route("GET", "/{proxy+}"),
            route("ANY", "/items/{id}"),
            route("GET", "/items/{id}"),
            route("GET", "/items/new"),
            route("POST", "/items"),
        ]);
        routes.find(method, path).map(|found| (found.route.function.clone(), found.parameters))
    }

    fn pair(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn the_most_specific_route_wins() {
        assert_eq!(found(&Method::GET, "/items/new").unwrap().0, "GET /items/new");
        assert_eq!(
            found(&Method::GET, "/items/7").unwrap(),
            ("GET /items/{id}".to_owned(), pair("id", "7"))
        );
        assert_eq!(found(&Method::PUT, "/items/7").unwrap().0, "ANY /items/{id}");
        assert_eq!(
            found(&Method::GET, "/a/b/c").unwrap(),
            ("GET /{proxy+}".to_owned(), pair("proxy", "a/b/c"))
        );
    }

    #[test]
    fn a_path_or_method_that_no_route_has_finds_nothing() {
        for (method, path) in [
            (Method::DELETE, "/items"),
            (Method::POST, "/items/"),
            (Method::POST, "//items"),
            (Method::POST, "/ITEMS"),
            (Method::PUT, "/items//"),
            (Method::POST, "/items%2f"),
        ] {
            assert_eq!(found(&method, path), None, "{path}");
        }
    }
}
