//! The verdict that the contract gives a token in a form, at a moment, on a surface.

use std::collections::BTreeSet;

use crate::{
    forms::{Csrf, Effect, Form, Seat},
    surfaces::Surface,
    tokens::{EXPIRED_TOKEN, INVALID, Judged, OPENS, REVOKED, Then, Token},
};

/// What a token is refused with that no authorizer lets through; the gateway words it.
pub(crate) const DENIED: &str = "denied";

/// Far enough from every bound.
const FAR: u64 = 10_000_000;

/// The five moments around the end of a token, then those around its beginning.
pub(crate) fn clocks(token: &Token, base: u64, leeway: u64) -> BTreeSet<u64> {
    let (from, until) = match token.judged {
        Judged::Always { until, .. } => (base, until),
        Judged::Between { from, until, .. } => (from, until),
    };
    let end = if leeway == 0 {
        [until - 2, until - 1, until, until + 1, until + FAR]
    } else {
        [until - 1, until, until + leeway - 1, until + leeway, until + FAR]
    };
    let begin = if leeway == 0 {
        [from - FAR, from - 2, from - 1, from, from + 1]
    } else {
        [from - FAR, from - leeway - 1, from - leeway, from - 1, from]
    };
    let mut clocks: BTreeSet<_> = end.into_iter().chain(begin).collect();
    if let Judged::Between { then: Then::OpensUntil(end), .. } = token.judged {
        clocks.extend([end - 1, end]);
    }
    clocks
}

/// The token alone, held against the clock: leeway widens both ends, and the second of `exp` is
/// too late.
fn token_alone(token: &Token, now: u64, leeway: u64) -> &'static str {
    match token.judged {
        Judged::Always { code, .. } => code,
        Judged::Between { from, .. } if now + leeway < from => INVALID,
        Judged::Between { until, .. } if now >= until + leeway => EXPIRED_TOKEN,
        Judged::Between { .. } => OPENS,
    }
}

/// What account and session say of a token that is good by itself.
fn with_session(token: &Token, now: u64) -> &'static str {
    match token.judged {
        Judged::Always { code, .. } => code,
        Judged::Between { then, .. } => match then {
            Then::Opens => OPENS,
            Then::OpensUntil(end) if now < end => OPENS,
            Then::OpensUntil(_) | Then::Revoked => REVOKED,
            Then::NoName => INVALID,
        },
    }
}

/// The verdict of a surface that answers by itself. A token that a browser sends along is asked for
/// its CSRF value before anything is looked up.
fn in_full(token: &Token, effect: Effect, now: u64, leeway: u64) -> &'static str {
    if let Effect::Refuses(code) = effect {
        return code;
    }
    match (token_alone(token, now, leeway), effect) {
        (OPENS, Effect::InCookie(_)) if token.csrf.is_none() => INVALID,
        (OPENS, Effect::InCookie(Csrf::Fails)) => "csrf_failed",
        (OPENS, _) => with_session(token, now),
        (refused, _) => refused,
    }
}

/// What an authorizer sees of a form: neither cookies, which count together with a CSRF value that a
/// cached decision does not know, nor a body.
const fn as_authorizers_see(form: &Form) -> Effect {
    match form.seat {
        Seat::Cookie | Seat::Body => Effect::Refuses("missing_token"),
        Seat::Header | Seat::HeaderAndQuery | Seat::Query => form.effect,
    }
}

/// The verdict; `None` where the surface cannot be given the form.
pub(crate) fn expected(
    token: &Token,
    form: &Form,
    surface: Surface,
    now: u64,
    leeway: u64,
) -> Option<&'static str> {
    let denied = |verdict| if verdict == OPENS { OPENS } else { DENIED };
    match surface {
        // It is given the token and no request, and knows no sessions.
        Surface::Verifier => (form.name == "Bearer").then(|| token_alone(token, now, leeway)),
        // It does not read bodies.
        Surface::Layer if form.seat == Seat::Body => Some("missing_token"),
        Surface::Guard | Surface::Layer | Surface::Me | Surface::Protected | Surface::WorkItems => {
            Some(in_full(token, form.effect, now, leeway))
        }
        // It is sent the one header.
        Surface::RestToken if matches!(form.seat, Seat::Query | Seat::HeaderAndQuery) => None,
        Surface::HttpApi2
        | Surface::HttpApi1
        | Surface::RestRequest
        | Surface::RestToken
        | Surface::WebSocket => Some(denied(in_full(token, as_authorizers_see(form), now, leeway))),
        // A decision that was made while the token was good, and is reused until now.
        Surface::BehindAuthorizer => {
            let then = decided_at(token, now);
            let decision = in_full(token, as_authorizers_see(form), then, leeway);
            Some(match (denied(decision), token_alone(token, now, leeway)) {
                (OPENS, verdict) => verdict,
                (refused, _) => refused,
            })
        }
    }
}

/// When the gateway asked the authorizer whose decision it reuses at `now`: at the last moment
/// before the token's end, or now.
pub(crate) fn decided_at(token: &Token, now: u64) -> u64 {
    match token.judged {
        Judged::Always { .. } => now,
        Judged::Between { from, then: Then::OpensUntil(_), .. } => now.min(from),
        Judged::Between { until, .. } => now.min(until - 1),
    }
}

/// The token where no session is looked up, but the accounts of legacy tokens are.
pub(crate) fn without_revocation(token: Token) -> Token {
    let judged = match token.judged {
        Judged::Between { from, until, then: Then::OpensUntil(_) | Then::Revoked }
            if !token.is_legacy =>
        {
            Judged::Between { from, until, then: Then::Opens }
        }
        judged @ (Judged::Always { .. } | Judged::Between { .. }) => judged,
    };
    Token { judged, ..token }
}
