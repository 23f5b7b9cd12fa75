//! Who calls, as this program knows it: a claim. A trail with Lambda data events has the real caller.

use std::{fs, os::unix::fs::MetadataExt as _, sync::Mutex};

use aws_config::SdkConfig;
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, future},
};

use crate::{connection, failure::Failure, output::is_visible};

/// Names of the variable with the user's name, on Unix and Windows.
const USER: [&str; 3] = ["USER", "LOGNAME", "USERNAME"];

const MAX_CHARACTERS: usize = 256;

/// The user of the operating system.
pub(crate) fn local() -> String {
    describe(user().as_deref(), None)
}

/// The user of the operating system and the id of the access key in use. The settings get those
/// credentials, so that they are not fetched twice.
pub(crate) async fn on_aws(settings: &mut SdkConfig) -> Result<String, Failure> {
    let Some(provider) = settings.credentials_provider() else { return Ok(local()) };
    let credentials = provider
        .provide_credentials()
        .await
        .map_err(|error| connection::explain_credentials(&error))?;
    let caller = describe(user().as_deref(), Some(credentials.access_key_id()));
    let fetched = FetchedOnce { first: Mutex::new(Some(credentials)), provider };
    let provider = SharedCredentialsProvider::new(fetched);
    *settings = settings.to_builder().credentials_provider(provider).build();
    Ok(caller)
}

/// Provides the credentials that were fetched already, and after their expiry new ones.
#[derive(Debug)]
struct FetchedOnce {
    first: Mutex<Option<Credentials>>,
    provider: SharedCredentialsProvider,
}

impl ProvideCredentials for FetchedOnce {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let first = self.first.lock().ok().and_then(|mut first| first.take());
        match first {
            Some(credentials) => future::ProvideCredentials::ready(Ok(credentials)),
            None => self.provider.provide_credentials(),
        }
    }
}

fn describe(user: Option<&str>, access_key: Option<&str>) -> String {
    let user = user.unwrap_or("unknown user");
    let text = match access_key {
        Some(access_key) => format!("{user}, access key {access_key}"),
        None => user.to_owned(),
    };
    text.chars().filter(|character| is_visible(*character)).take(MAX_CHARACTERS).collect()
}

/// The user's name, or on Linux at least the number: services often have no variables.
fn user() -> Option<String> {
    let named = |name| variable(name).filter(|value| !value.is_empty());
    USER.into_iter().find_map(named).or_else(|| {
        let process = fs::metadata("/proc/self").ok()?;
        Some(format!("uid {}", process.uid()))
    })
}

/// A variable of the operator's shell.
#[expect(clippy::disallowed_methods, reason = "it is not configuration of a function")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_short_and_visible() {
        assert_eq!(describe(Some("alice"), Some("ASIA1")), "alice, access key ASIA1");
        assert_eq!(describe(Some("a\u{1b}[2J\n\u{202e}b"), None), "a[2Jb");
        assert_eq!(describe(None, None), "unknown user");
        let long = describe(Some(&"é".repeat(300)), Some("ASIA1"));
        assert_eq!(long, "é".repeat(256));
    }

    #[tokio::test]
    async fn the_first_credentials_are_not_fetched_twice() {
        let credentials = |id: &str| Credentials::new(id, "secret", None, None, "test");
        let first = Mutex::new(Some(credentials("first")));
        let provider = SharedCredentialsProvider::new(credentials("later"));
        let fetched = FetchedOnce { first, provider };
        for expected in ["first", "later", "later"] {
            let credentials = fetched.provide_credentials().await.unwrap();
            assert_eq!(credentials.access_key_id(), expected);
        }
    }
}
