//! Where tokens are in requests, by the names that Flask-JWT-Extended gave the options.

use latchkey_http::{
    CookiePair, CookiePlace, CookieSettings, ErrorSettings, HeaderName, HttpSettings, SameSite,
    TokenLocation, TokenLocations,
};

use crate::environment::{ConfigError, Variables, flag, list, optional};

/// A browser takes such a cookie from the host itself only: over TLS, for every path (RFC 6265bis
/// §4.1.3).
const HOST_PREFIX: &str = "__Host-";

/// Where tokens may be. Read from `JWT_TOKEN_LOCATION` (a list of `headers`, `cookies`,
/// `query_string`, `json` and `websocket_protocol`), `JWT_HEADER_NAME`, `JWT_HEADER_TYPE` (`none`
/// for a bare token), `JWT_QUERY_STRING_NAME`, `JWT_QUERY_STRING_VALUE_PREFIX`, `JWT_JSON_KEY`,
/// `JWT_REFRESH_JSON_KEY`, and the variables of cookies.
pub(crate) fn token_locations(variables: &impl Variables) -> Result<TokenLocations, ConfigError> {
    let default = TokenLocations::default();
    let text = |name, default: String| optional(variables, name).unwrap_or(default);
    let is_word = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_graphic());
    let scheme = checked(variables, "JWT_HEADER_TYPE", is_word, "must be one word, or none")?;
    Ok(TokenLocations {
        order: order(variables)?,
        header_name: header_name(variables, "JWT_HEADER_NAME", default.header_name)?,
        header_scheme: match scheme.as_deref() {
            None => default.header_scheme,
            Some("none") => None,
            Some(_) => scheme,
        },
        query_name: text("JWT_QUERY_STRING_NAME", default.query_name),
        query_prefix: text("JWT_QUERY_STRING_VALUE_PREFIX", default.query_prefix),
        json_access_key: text("JWT_JSON_KEY", default.json_access_key),
        json_refresh_key: text("JWT_REFRESH_JSON_KEY", default.json_refresh_key),
        cookies: cookie_settings(variables)?,
    })
}

fn order(variables: &impl Variables) -> Result<Vec<TokenLocation>, ConfigError> {
    const LOCATION: &str = "JWT_TOKEN_LOCATION";
    let mut order = Vec::new();
    for name in list(variables, LOCATION) {
        let location = TokenLocation::ALL
            .into_iter()
            .find(|location| location.name() == name && !order.contains(location))
            .ok_or_else(|| {
                invalid(
                    LOCATION,
                    "must be a list of headers, cookies, query_string, json and websocket_protocol",
                )
            })?;
        order.push(location);
    }
    Ok(if order.is_empty() { TokenLocations::default().order } else { order })
}

/// How tokens are kept in cookies. Read from `JWT_ACCESS_COOKIE_NAME`, `JWT_ACCESS_COOKIE_PATH`,
/// `JWT_ACCESS_CSRF_COOKIE_NAME`, `JWT_ACCESS_CSRF_COOKIE_PATH`, `JWT_ACCESS_CSRF_HEADER_NAME`,
/// their counterparts for refresh tokens, `JWT_COOKIE_DOMAIN`, `JWT_COOKIE_SECURE`,
/// `JWT_COOKIE_SAMESITE`, `JWT_SESSION_COOKIE`, `JWT_CSRF_IN_COOKIES` and `ALLOWED_ORIGINS`.
fn cookie_settings(variables: &impl Variables) -> Result<CookieSettings, ConfigError> {
    let default = CookieSettings::default();
    let settings = CookieSettings {
        access: cookie_pair(
            variables,
            [
                "JWT_ACCESS_COOKIE_NAME",
                "JWT_ACCESS_COOKIE_PATH",
                "JWT_ACCESS_CSRF_COOKIE_NAME",
                "JWT_ACCESS_CSRF_COOKIE_PATH",
                "JWT_ACCESS_CSRF_HEADER_NAME",
            ],
            default.access,
        )?,
        refresh: cookie_pair(
            variables,
            [
                "JWT_REFRESH_COOKIE_NAME",
                "JWT_REFRESH_COOKIE_PATH",
                "JWT_REFRESH_CSRF_COOKIE_NAME",
                "JWT_REFRESH_CSRF_COOKIE_PATH",
                "JWT_REFRESH_CSRF_HEADER_NAME",
            ],
            default.refresh,
        )?,
        domain: checked(variables, DOMAIN, is_attribute, "must be a domain, such as example.com")?,
        secure: flag(variables, SECURE, default.secure)?,
        same_site: same_site(variables)?,
        end_with_browser: flag(variables, "JWT_SESSION_COOKIE", default.end_with_browser)?,
        show_csrf: flag(variables, "JWT_CSRF_IN_COOKIES", default.show_csrf)?,
        allowed_origins: allowed_origins(variables)?,
    };
    check_cookies(settings)
}

const SECURE: &str = "JWT_COOKIE_SECURE";
const DOMAIN: &str = "JWT_COOKIE_DOMAIN";
const SAME_SITE: &str = "JWT_COOKIE_SAMESITE";

/// Refuses cookies that every browser would throw away.
fn check_cookies(settings: CookieSettings) -> Result<CookieSettings, ConfigError> {
    if settings.same_site == SameSite::None && !settings.secure {
        let reason = "is None";
        return Err(ConfigError::Conflict { variable: SAME_SITE, reason, other: SECURE });
    }
    let pairs = [
        ("JWT_ACCESS_COOKIE_PATH", &settings.access.token),
        ("JWT_ACCESS_CSRF_COOKIE_PATH", &settings.access.csrf),
        ("JWT_REFRESH_COOKIE_PATH", &settings.refresh.token),
        ("JWT_REFRESH_CSRF_COOKIE_PATH", &settings.refresh.csrf),
    ];
    let mut names: Vec<_> = pairs.iter().map(|(_, place)| place.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < pairs.len() {
        return Err(invalid("JWT_ACCESS_COOKIE_NAME", "and the other cookies must differ in name"));
    }
    for (path, place) in pairs {
        let variable = match place {
            _ if !place.name.starts_with(HOST_PREFIX) => continue,
            _ if settings.domain.is_some() => DOMAIN,
            _ if !settings.secure => SECURE,
            _ if place.path != "/" => path,
            _ => continue,
        };
        return Err(invalid(variable, "does not go with a cookie whose name begins with __Host-"));
    }
    Ok(settings)
}

/// `names` are the variables of the token cookie's name and path, the CSRF cookie's name and path,
/// and the CSRF header.
fn cookie_pair(
    variables: &impl Variables,
    names: [&'static str; 5],
    default: CookiePair,
) -> Result<CookiePair, ConfigError> {
    let [token_name, token_path, csrf_name, csrf_path, csrf_header] = names;
    let place = |name, path, default: CookiePlace| {
        Ok(CookiePlace {
            name: cookie_name(variables, name, default.name)?,
            path: cookie_path(variables, path, default.path)?,
        })
    };
    Ok(CookiePair {
        token: place(token_name, token_path, default.token)?,
        csrf: place(csrf_name, csrf_path, default.csrf)?,
        csrf_header: header_name(variables, csrf_header, default.csrf_header)?,
    })
}

/// The names of cookies are made of the same characters as those of headers (RFC 9110 §5.6.2).
fn cookie_name(
    variables: &impl Variables,
    name: &'static str,
    default: String,
) -> Result<String, ConfigError> {
    let is_name = |cookie: &str| HeaderName::from_bytes(cookie.as_bytes()).is_ok();
    Ok(checked(variables, name, is_name, "must be the name of a cookie")?.unwrap_or(default))
}

fn cookie_path(
    variables: &impl Variables,
    name: &'static str,
    default: String,
) -> Result<String, ConfigError> {
    let is_path = |path: &str| path.starts_with('/') && is_attribute(path);
    Ok(checked(variables, name, is_path, "must be a path, such as /refresh")?.unwrap_or(default))
}

/// The value of a variable, which must be acceptable when it is set; `reason` completes
/// "`VARIABLE` …".
fn checked(
    variables: &impl Variables,
    name: &'static str,
    is_acceptable: impl FnOnce(&str) -> bool,
    reason: &str,
) -> Result<Option<String>, ConfigError> {
    match optional(variables, name) {
        Some(value) if !is_acceptable(&value) => Err(invalid(name, reason)),
        value => Ok(value),
    }
}

/// Whether `text` can be an attribute's value: nothing in it ends the attribute.
fn is_attribute(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}

fn same_site(variables: &impl Variables) -> Result<SameSite, ConfigError> {
    match optional(variables, SAME_SITE).map(|value| value.to_ascii_lowercase()).as_deref() {
        None => Ok(CookieSettings::default().same_site),
        Some("strict") => Ok(SameSite::Strict),
        Some("lax") => Ok(SameSite::Lax),
        Some("none") => Ok(SameSite::None),
        Some(_) => Err(invalid(SAME_SITE, "must be Strict, Lax or None")),
    }
}

/// Origins are compared byte for byte, as the gateway compares them too, so each must be written as
/// a browser sends it. `*`, with which a gateway lets every page call, lets none use cookies.
fn allowed_origins(variables: &impl Variables) -> Result<Vec<String>, ConfigError> {
    const ORIGINS: &str = "ALLOWED_ORIGINS";
    let mut origins = list(variables, ORIGINS);
    origins.retain(|origin| origin != "*");
    let is_sent = |origin: &String| is_serialized_origin(origin);
    if origins.iter().all(is_sent) {
        Ok(origins)
    } else {
        Err(invalid(
            ORIGINS,
            "must be a list of origins as browsers send them: scheme://host or scheme://host:port \
             in lower case, without a path, a final slash and the scheme's own port, such as \
             https://app.example.com or capacitor://localhost",
        ))
    }
}

/// How a function speaks HTTP. Read from `JWT_ERROR_MESSAGE_KEY` and `BASE_PATH`.
pub(crate) fn http_settings(variables: &impl Variables) -> Result<HttpSettings, ConfigError> {
    let is_segment = |segment: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        !segment.is_empty() && segment.bytes().all(is_plain)
    };
    let is_path =
        |path: &str| path.strip_prefix('/').is_some_and(|path| path.split('/').all(is_segment));
    let reason = "must be a path of letters, digits, - . _ ~, such as /auth";
    let base_path = checked(variables, "BASE_PATH", is_path, reason)?.unwrap_or_default();
    Ok(HttpSettings { errors: error_settings(variables)?, base_path })
}

/// Whether a browser sends such an origin (RFC 6454 §6.2), of any scheme.
fn is_serialized_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'.' | b'-'));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_host = match host.strip_prefix('[') {
        Some(address) => address.strip_suffix(']').is_some_and(|address| {
            address.bytes().all(|byte| matches!(byte, b'a'..=b'f' | b'0'..=b'9' | b':' | b'.'))
        }),
        None => {
            host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'))
        }
    };
    let is_port = port.is_none_or(|port| {
        let is_own = matches!((scheme, port), ("https", "443") | ("http", "80"));
        !port.starts_with('0') && !is_own && port.parse::<u16>().is_ok()
    });
    is_scheme && !host.is_empty() && is_host && is_port
}

/// How errors are written. Read from `JWT_ERROR_MESSAGE_KEY`.
pub(crate) fn error_settings(variables: &impl Variables) -> Result<ErrorSettings, ConfigError> {
    const KEY: &str = "JWT_ERROR_MESSAGE_KEY";
    let Some(message_key) = optional(variables, KEY) else {
        return Ok(ErrorSettings::default());
    };
    if ["error", "request_id", "reasons"].contains(&message_key.as_str()) {
        return Err(invalid(KEY, "must not be error, request_id or reasons"));
    }
    Ok(ErrorSettings { message_key })
}

fn header_name(
    variables: &impl Variables,
    name: &'static str,
    default: HeaderName,
) -> Result<HeaderName, ConfigError> {
    match optional(variables, name) {
        None => Ok(default),
        Some(header) => HeaderName::from_bytes(header.as_bytes())
            .map_err(|_| invalid(name, "must be the name of a header")),
    }
}

fn invalid(variable: &'static str, reason: &str) -> ConfigError {
    ConfigError::Invalid { variable, reason: reason.to_owned() }
}
