//! Token locations, with the option names of Flask-JWT-Extended.

use latchkey_guard::{
    CookiePair, CookiePlace, CookieSettings, HeaderName, SameSite, TokenLocation, TokenLocations,
};

use crate::{
    environment::{ConfigError, Environment},
    variables::{self as var, Variable},
};

/// The name prefix of cookies that need `Secure` and `Path=/`, and have no domain (RFC 6265bis
/// §4.1.3).
const HOST_PREFIX: &str = "__Host-";

#[expect(clippy::missing_errors_doc, reason = "each fails with the sentence of `ConfigError`")]
impl Environment<'_> {
    /// Where requests may have tokens.
    pub fn locations(&self) -> Result<TokenLocations, ConfigError> {
        let is_word = |scheme: &str| scheme.bytes().all(|byte| byte.is_ascii_graphic());
        let scheme = self.checked(&var::JWT_HEADER_TYPE, is_word)?;
        Ok(TokenLocations {
            order: self.order()?,
            header_name: self.header_name(&var::JWT_HEADER_NAME)?,
            header_scheme: Some(scheme).filter(|scheme| scheme != "none"),
            query_name: self.text(&var::JWT_QUERY_STRING_NAME)?,
            query_prefix: self.text(&var::JWT_QUERY_STRING_VALUE_PREFIX)?,
            json_access_key: self.text(&var::JWT_JSON_KEY)?,
            json_refresh_key: self.text(&var::JWT_REFRESH_JSON_KEY)?,
            cookies: self.cookies()?,
        })
    }

    fn order(&self) -> Result<Vec<TokenLocation>, ConfigError> {
        let mut order = Vec::new();
        for name in self.list(&var::JWT_TOKEN_LOCATION)? {
            let is_new = |found: &TokenLocation| found.name() == name && !order.contains(found);
            let location = TokenLocation::ALL.into_iter().find(is_new);
            order.push(location.ok_or_else(|| var::JWT_TOKEN_LOCATION.invalid())?);
        }
        Ok(if order.is_empty() { TokenLocations::default().order } else { order })
    }

    fn header_name(&self, variable: &Variable) -> Result<HeaderName, ConfigError> {
        self.text(variable)?.parse().map_err(|_| variable.invalid())
    }

    fn cookies(&self) -> Result<CookieSettings, ConfigError> {
        let domain = self.checked(&var::JWT_COOKIE_DOMAIN, is_attribute)?;
        let settings = CookieSettings {
            access: CookiePair {
                token: self.cookie(&var::JWT_ACCESS_COOKIE_NAME, &var::JWT_ACCESS_COOKIE_PATH)?,
                csrf: self
                    .cookie(&var::JWT_ACCESS_CSRF_COOKIE_NAME, &var::JWT_ACCESS_CSRF_COOKIE_PATH)?,
                csrf_header: self.header_name(&var::JWT_ACCESS_CSRF_HEADER_NAME)?,
            },
            refresh: CookiePair {
                token: self.cookie(&var::JWT_REFRESH_COOKIE_NAME, &var::JWT_REFRESH_COOKIE_PATH)?,
                csrf: self.cookie(
                    &var::JWT_REFRESH_CSRF_COOKIE_NAME,
                    &var::JWT_REFRESH_CSRF_COOKIE_PATH,
                )?,
                csrf_header: self.header_name(&var::JWT_REFRESH_CSRF_HEADER_NAME)?,
            },
            domain: Some(domain).filter(|domain| !domain.is_empty()),
            secure: self.switch(&var::JWT_COOKIE_SECURE)?,
            same_site: match self.text(&var::JWT_COOKIE_SAMESITE)?.to_ascii_lowercase().as_str() {
                "strict" => SameSite::Strict,
                "lax" => SameSite::Lax,
                "none" => SameSite::None,
                _ => return Err(var::JWT_COOKIE_SAMESITE.invalid()),
            },
            end_with_browser: self.switch(&var::JWT_SESSION_COOKIE)?,
            show_csrf: self.switch(&var::JWT_CSRF_IN_COOKIES)?,
            allowed_origins: self.allowed_origins()?,
        };
        check_cookies(&settings)?;
        Ok(settings)
    }

    /// Cookie names have the same characters as header names (RFC 9110 §5.6.2).
    fn cookie(&self, name: &Variable, path: &Variable) -> Result<CookiePlace, ConfigError> {
        let is_name = |cookie: &str| HeaderName::from_bytes(cookie.as_bytes()).is_ok();
        let is_path = |path: &str| path.starts_with('/') && is_attribute(path);
        Ok(CookiePlace { name: self.checked(name, is_name)?, path: self.checked(path, is_path)? })
    }

    /// The guard and the gateway compare origins byte for byte, so each must be as browsers send
    /// it. `*` allows all origins at the gateway, but no origin to use cookies.
    fn allowed_origins(&self) -> Result<Vec<String>, ConfigError> {
        let mut origins = self.list(&var::ALLOWED_ORIGINS)?;
        origins.retain(|origin| origin != "*");
        let are_valid = origins.iter().all(|origin| is_serialized_origin(origin));
        are_valid.then_some(origins).ok_or_else(|| var::ALLOWED_ORIGINS.invalid())
    }
}

/// Refuses settings whose cookies browsers would reject.
fn check_cookies(settings: &CookieSettings) -> Result<(), ConfigError> {
    if settings.same_site == SameSite::None && !settings.secure {
        let reason = "is None, which needs JWT_COOKIE_SECURE";
        return Err(var::JWT_COOKIE_SAMESITE.refused(reason));
    }
    let pairs = [
        (&var::JWT_ACCESS_COOKIE_PATH, &settings.access.token),
        (&var::JWT_ACCESS_CSRF_COOKIE_PATH, &settings.access.csrf),
        (&var::JWT_REFRESH_COOKIE_PATH, &settings.refresh.token),
        (&var::JWT_REFRESH_CSRF_COOKIE_PATH, &settings.refresh.csrf),
    ];
    let mut names: Vec<_> = pairs.iter().map(|(_, place)| place.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() < pairs.len() {
        let reason = "and the other cookies must differ in name";
        return Err(var::JWT_ACCESS_COOKIE_NAME.refused(reason));
    }
    for (path, place) in pairs {
        let variable = match place {
            _ if !place.name.starts_with(HOST_PREFIX) => continue,
            _ if settings.domain.is_some() => &var::JWT_COOKIE_DOMAIN,
            _ if !settings.secure => &var::JWT_COOKIE_SECURE,
            _ if place.path != "/" => path,
            _ => continue,
        };
        return Err(variable.refused("does not go with a cookie whose name begins with __Host-"));
    }
    Ok(())
}

/// Whether `text` is valid as the value of a cookie attribute.
fn is_attribute(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';')
}

/// Whether `origin` is as browsers serialize it (RFC 6454 §6.2), with any scheme.
fn is_serialized_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'.' | b'-'));
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => {
            address.bytes().all(|byte| matches!(byte, b'a'..=b'f' | b'0'..=b'9' | b':' | b'.'))
        }
        None => {
            host.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_'))
        }
    };
    let is_port = port.is_none_or(|port| {
        let is_default = matches!((scheme, port), ("https", "443") | ("http", "80"));
        !port.starts_with('0') && !is_default && port.parse::<u16>().is_ok()
    });
    is_scheme && !host.is_empty() && is_host && is_port
}
