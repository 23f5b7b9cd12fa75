//! The expected verdict on a token in a form, at a time, on a surface.

use std::collections::BTreeSet;

use crate::{
    forms::{Csrf, Effect, Placement, RequestForm},
    surfaces::Surface,
    tokens::{Access, EXPIRED_TOKEN, INVALID, OPENS, REVOKED, TokenRow, Validity},
};

/// The verdict of an authorizer that denies; the gateway words the refusal.
pub(crate) const DENIED: &str = "denied";

/// Far from every bound, in seconds.
const FAR: u64 = 10_000_000;

/// Five times around the end of a token and five around its beginning.
pub(crate) fn clocks(token: &TokenRow, base: u64, leeway: u64) -> BTreeSet<u64> {
    let (from, until) = match token.validity {
        Validity::Refused { until, .. } => (base, until),
        Validity::Genuine { from, until, .. } => (from, until),
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
    if let Validity::Genuine { then: Access::OpensUntil(end), .. } = token.validity {
        clocks.extend([end - 1, end]);
    }
    clocks
}

/// The verdict on the token alone. Leeway widens both bounds; the second of `exp` is too late.
fn token_verdict(token: &TokenRow, now: u64, leeway: u64) -> &'static str {
    match token.validity {
        Validity::Refused { code, .. } => code,
        Validity::Genuine { from, .. } if now + leeway < from => INVALID,
        Validity::Genuine { until, .. } if now >= until + leeway => EXPIRED_TOKEN,
        Validity::Genuine { .. } => OPENS,
    }
}

/// The verdict of account and session on a valid token.
fn account_verdict(token: &TokenRow, now: u64) -> &'static str {
    match token.validity {
        Validity::Refused { code, .. } => code,
        Validity::Genuine { then, .. } => match then {
            Access::Opens => OPENS,
            Access::OpensUntil(end) if now < end => OPENS,
            Access::OpensUntil(_) | Access::Revoked => REVOKED,
            Access::InvalidName => INVALID,
        },
    }
}

/// The verdict of a surface that answers itself. The CSRF check of a cookie precedes the session.
fn full_verdict(token: &TokenRow, effect: Effect, now: u64, leeway: u64) -> &'static str {
    if let Effect::Refuses(code) = effect {
        return code;
    }
    match (token_verdict(token, now, leeway), effect) {
        (OPENS, Effect::InCookie(_)) if token.csrf.is_none() => INVALID,
        (OPENS, Effect::InCookie(Csrf::Fails)) => "csrf_failed",
        (OPENS, _) => account_verdict(token, now),
        (refused, _) => refused,
    }
}

/// The effect of a form on authorizers, which ignore bodies and, because a cached decision cannot check
/// a CSRF value, cookies.
const fn effect_on_authorizers(form: &RequestForm) -> Effect {
    match form.placement {
        Placement::Cookie | Placement::Body => Effect::Refuses("missing_token"),
        Placement::Header | Placement::HeaderAndQuery | Placement::Query => form.effect,
    }
}

/// The expected verdict; `None` if the surface does not support the form.
pub(crate) fn expected(
    token: &TokenRow,
    form: &RequestForm,
    surface: Surface,
    now: u64,
    leeway: u64,
) -> Option<&'static str> {
    let denied = |verdict| if verdict == OPENS { OPENS } else { DENIED };
    match surface {
        // The verifier gets the token alone and reads no session.
        Surface::Verifier => (form.name == "Bearer").then(|| token_verdict(token, now, leeway)),
        // The layer does not read bodies.
        Surface::Layer if form.placement == Placement::Body => Some("missing_token"),
        Surface::Guard | Surface::Layer | Surface::Me | Surface::Protected | Surface::WorkItems => {
            Some(full_verdict(token, form.effect, now, leeway))
        }
        // This event has only the header.
        Surface::RestToken
            if matches!(form.placement, Placement::Query | Placement::HeaderAndQuery) =>
        {
            None
        }
        Surface::HttpApi2
        | Surface::HttpApi1
        | Surface::RestRequest
        | Surface::RestToken
        | Surface::WebSocket => {
            Some(denied(full_verdict(token, effect_on_authorizers(form), now, leeway)))
        }
        // A cached decision, made while the token was valid.
        Surface::BehindAuthorizer => {
            let then = decided_at(token, now);
            let decision = full_verdict(token, effect_on_authorizers(form), then, leeway);
            Some(match (denied(decision), token_verdict(token, now, leeway)) {
                (OPENS, verdict) => verdict,
                (refused, _) => refused,
            })
        }
    }
}

/// The time of the cached decision that is used at `now`: just before the token's end, or now.
pub(crate) fn decided_at(token: &TokenRow, now: u64) -> u64 {
    match token.validity {
        Validity::Refused { .. } => now,
        Validity::Genuine { from, then: Access::OpensUntil(_), .. } => now.min(from),
        Validity::Genuine { until, .. } => now.min(until - 1),
    }
}

/// The expectation without the revocation check, which still reads the accounts of legacy tokens.
pub(crate) fn without_revocation(token: TokenRow) -> TokenRow {
    let validity = match token.validity {
        Validity::Genuine { from, until, then: Access::OpensUntil(_) | Access::Revoked }
            if !token.is_legacy =>
        {
            Validity::Genuine { from, until, then: Access::Opens }
        }
        validity @ (Validity::Refused { .. } | Validity::Genuine { .. }) => validity,
    };
    TokenRow { validity, ..token }
}
