//! Where tokens are in requests, by the names that Flask-JWT-Extended gave the options.

use latchkey_guard::{
    CookiePair, CookiePlace, CookieSettings, HeaderName, SameSite, TokenLocation, TokenLocations,
};

use crate::{
    environment::{ConfigError, Environment},
    variables::{
        ALLOWED_ORIGINS, JWT_ACCESS_COOKIE_NAME, JWT_ACCESS_COOKIE_PATH,
        JWT_ACCESS_CSRF_COOKIE_NAME, JWT_ACCESS_CSRF_COOKIE_PATH, JWT_ACCESS_CSRF_HEADER_NAME,
        JWT_COOKIE_DOMAIN, JWT_COOKIE_SAMESITE, JWT_COOKIE_SECURE, JWT_CSRF_IN_COOKIES,
        JWT_HEADER_NAME, JWT_HEADER_TYPE, JWT_JSON_KEY, JWT_QUERY_STRING_NAME,
        JWT_QUERY_STRING_VALUE_PREFIX, JWT_REFRESH_COOKIE_NAME, JWT_REFRESH_COOKIE_PATH,
        JWT_REFRESH_CSRF_COOKIE_NAME, JWT_REFRESH_CSRF_COOKIE_PATH, JWT_REFRESH_CSRF_HEADER_NAME,
        JWT_REFRESH_JSON_KEY, JWT_SESSION_COOKIE, JWT_TOKEN_LOCATION, Variable,
    },
};

/// A browser takes such a cookie from the host itself only: over TLS, for every path (RFC 6265bis
/// §4.1.3).
const HOST_PREFIX: &str = "__Host-";

#[expect(clippy::missing_errors_doc, reason = "each fails with the sentence of `ConfigError`")]
impl Environment<'_> {
    /// Where tokens may be.
    pub fn locations(&self) -> Result<TokenLocations, ConfigError> {
        let is_word = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_graphic());
        let scheme = self.checked(&JWT_HEADER_TYPE, is_word)?;
        Ok(TokenLocations {
            order: self.order()?,
            header_name: self.header_name(&JWT_HEADER_NAME)?,
            header_scheme: Some(scheme).filter(|scheme| scheme != "none"),
            query_name: self.text(&JWT_QUERY_STRING_NAME)?,
            query_prefix: self.text(&JWT_QUERY_STRING_VALUE_PREFIX)?,
            json_access_key: self.text(&JWT_JSON_KEY)?,
            json_refresh_key: self.text(&JWT_REFRESH_JSON_KEY)?,
            cookies: self.cookies()?,
        })
    }

    fn order(&self) -> Result<Vec<TokenLocation>, ConfigError> {
        let mut order = Vec::new();
        for name in self.list(&JWT_TOKEN_LOCATION)? {
            let mut locations = TokenLocation::ALL.into_iter();
            let location = locations.find(|location| location.name() == name);
            let location = location.filter(|location| !order.contains(location));
            order.push(location.ok_or_else(|| JWT_TOKEN_LOCATION.invalid())?);
        }
        Ok(if order.is_empty() { TokenLocations::default().order } else { order })
    }

    fn header_name(&self, variable: &Variable) -> Result<HeaderName, ConfigError> {
        self.text(variable)?.parse().map_err(|_| variable.invalid())
    }

    fn cookies(&self) -> Result<CookieSettings, ConfigError> {
        let domain = self.checked(&JWT_COOKIE_DOMAIN, is_attribute)?;
        let settings = CookieSettings {
            access: CookiePair {
                token: self.cookie(&JWT_ACCESS_COOKIE_NAME, &JWT_ACCESS_COOKIE_PATH)?,
                csrf: self.cookie(&JWT_ACCESS_CSRF_COOKIE_NAME, &JWT_ACCESS_CSRF_COOKIE_PATH)?,
                csrf_header: self.header_name(&JWT_ACCESS_CSRF_HEADER_NAME)?,
            },
            refresh: CookiePair {
                token: self.cookie(&JWT_REFRESH_COOKIE_NAME, &JWT_REFRESH_COOKIE_PATH)?,
                csrf: self.cookie(&JWT_REFRESH_CSRF_COOKIE_NAME, &JWT_REFRESH_CSRF_COOKIE_PATH)?,
                csrf_header: self.header_name(&JWT_REFRESH_CSRF_HEADER_NAME)?,
            },
            domain: Some(domain).filter(|domain| !domain.is_empty()),
            secure: self.switch(&JWT_COOKIE_SECURE)?,
            same_site: self.choice(
                &JWT_COOKIE_SAMESITE,
                [("Strict", SameSite::Strict), ("Lax", SameSite::Lax), ("None", SameSite::None)],
            )?,
            end_with_browser: self.switch(&JWT_SESSION_COOKIE)?,
            show_csrf: self.switch(&JWT_CSRF_IN_COOKIES)?,
            allowed_origins: self.allowed_origins()?,
        };
        check_cookies(&settings)?;
        Ok(settings)
    }

    /// The names of cookies are made of the same characters as those of headers (RFC 9110 §5.6.2).
    fn cookie(&self, name: &Variable, path: &Variable) -> Result<CookiePlace, ConfigError> {
        let is_name = |cookie: &str| HeaderName::from_bytes(cookie.as_bytes()).is_ok();
        let is_path = |path: &str| path.starts_with('/') && is_attribute(path);
        Ok(CookiePlace { name: self.checked(name, is_name)?, path: self.checked(path, is_path)? })
    }

    /// Origins are compared byte for byte, as the gateway compares them too, so each must be written
    /// as a browser sends it. `*`, with which a gateway lets every page call, lets none use cookies.
    fn allowed_origins(&self) -> Result<Vec<String>, ConfigError> {
        let mut origins = self.list(&ALLOWED_ORIGINS)?;
        origins.retain(|origin| origin != "*");
        if origins.iter().all(|origin| is_serialized_origin(origin)) {
            Ok(origins)
        } else {
            Err(ALLOWED_ORIGINS.invalid())
        }
    }
}

/// Refuses cookies that every browser would throw away.
fn check_cookies(settings: &CookieSettings) -> Result<(), ConfigError> {
    if settings.same_site == SameSite::None && !settings.secure {
        let reason = "is None, which JWT_COOKIE_SECURE is not for";
        return Err(JWT_COOKIE_SAMESITE.refused(reason));
    }
    let pairs = [
        (&JWT_ACCESS_COOKIE_PATH, &settings.access.token),
        (&JWT_ACCESS_CSRF_COOKIE_PATH, &settings.access.csrf),
        (&JWT_REFRESH_COOKIE_PATH, &settings.refresh.token),
        (&JWT_REFRESH_CSRF_COOKIE_PATH, &settings.refresh.csrf),
    ];
    let mut names: Vec<_> = pairs.iter().map(|(_, place)| place.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < pairs.len() {
        return Err(JWT_ACCESS_COOKIE_NAME.refused("and the other cookies must differ in name"));
    }
    for (path, place) in pairs {
        let variable = match place {
            _ if !place.name.starts_with(HOST_PREFIX) => continue,
            _ if settings.domain.is_some() => &JWT_COOKIE_DOMAIN,
            _ if !settings.secure => &JWT_COOKIE_SECURE,
            _ if place.path != "/" => path,
            _ => continue,
        };
        let reason = "does not go with a cookie whose name begins with __Host-";
        return Err(variable.refused(reason));
    }
    Ok(())
}

/// Whether `text` can be an attribute's value: nothing in it ends the attribute.
fn is_attribute(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
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
