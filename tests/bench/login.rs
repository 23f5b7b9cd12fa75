//! The overhead of `POST /login` over its hash: handler and bare hash alternate in one process.

use std::{
    error::Error,
    mem,
    time::{Duration, Instant},
};

use latchkey_guard::TokenLocations;
use latchkey_http::{AttemptLimits, answer};
use latchkey_keys::KeyCache;
use latchkey_password::{HashParams, Hasher, PasswordPolicy};
use latchkey_session::{AddUser as _, ReadUser as _};
use latchkey_store::{MemoryLimits, MemoryUsers};
use latchkey_testkit::{
    event::post_json,
    fixtures::{NOW, SESSION_POLICY, key_set, operation, token_profile, user},
};
use login::Login;
use secrecy::SecretString;

use crate::measure::BareHash;

const PAIRS: usize = 200;
const WARM_UP: usize = 5;
const PASSWORD: &str = "correct horse battery";

type MemoryLogin = Login<MemoryUsers, MemoryLimits>;

/// Medians of all pairs, in microseconds.
#[derive(Debug)]
pub(crate) struct LoginCost {
    pub(crate) hash: f64,
    pub(crate) login: f64,
    pub(crate) difference: f64,
    /// The difference to the same login without attempt limits.
    pub(crate) limits: f64,
}

/// Measures the login of one user with the in-memory store.
pub(crate) async fn measure() -> Result<LoginCost, Box<dyn Error>> {
    let hasher = Hasher::new(HashParams::default())?;
    let (users, mut alice) = (MemoryUsers::default(), user("alice"));
    let password = PasswordPolicy::new(8).accept(&SecretString::from(PASSWORD), &["alice"])?;
    alice.password_hash = Some(hasher.hash(&password)?);
    users.add_user(&alice, &operation()).await?;
    let limit = "10000/1".parse()?;
    let limits = |limit| AttemptLimits::new(MemoryLimits::default(), limit, limit);
    let mut login = Login {
        users: users.clone(),
        limits: limits(Some(limit)),
        hasher,
        keys: KeyCache::of_static(key_set()),
        profile: token_profile(),
        sessions: SESSION_POLICY,
        locations: TokenLocations::default(),
        flask_jwt: false,
    };
    let body = serde_json::json!({ "username": "alice", "password": PASSWORD });
    let event = post_json("/login", &body).to_string();
    // One login with one hasher, because the place of its memory matters more than the limits.
    let mut other_limits = limits(None);

    let mut bare = BareHash::start()?;
    let (mut bare_hashes, mut logins) = (Vec::new(), Vec::new());
    let (mut differences, mut costs_of_limits) = (Vec::new(), Vec::new());
    for pair in 0..WARM_UP + PAIRS {
        let begun = Instant::now();
        bare.run()?;
        let hash = micros(begun.elapsed());
        let whole = time(&login, &event).await?;
        mem::swap(&mut login.limits, &mut other_limits);
        // Both logins find the caches as a bare hash leaves them.
        bare.run()?;
        let without = time(&login, &event).await?;
        mem::swap(&mut login.limits, &mut other_limits);
        if pair >= WARM_UP {
            bare_hashes.push(hash);
            logins.push(whole);
            differences.push(whole - hash);
            costs_of_limits.push(whole - without);
        }
    }
    let stored = users.find_user(&alice.username).await?.ok_or("the user is gone")?;
    if stored.sessions.is_empty() {
        return Err("no session was started".into());
    }
    Ok(LoginCost {
        hash: median(&mut bare_hashes),
        login: median(&mut logins),
        difference: median(&mut differences),
        limits: median(&mut costs_of_limits),
    })
}

/// The time of one login, in microseconds.
async fn time(login: &MemoryLogin, event: &str) -> Result<f64, Box<dyn Error>> {
    let handle = async |request: &lambda_http::Request| login.handle(request, NOW).await;
    let begun = Instant::now();
    let response = answer(event, &handle).await;
    let time = micros(begun.elapsed());
    if response.status_code == 200 {
        Ok(time)
    } else {
        Err(format!("the login was answered {}", response.status_code).into())
    }
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
