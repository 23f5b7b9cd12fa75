//! The components that verify tokens, in one deployment with an in-memory store.

use std::{cell::Cell, convert::Infallible, sync::Arc, time::Duration};

use account::Account;
use authorizer::Authorizer;
use lambda_http::{
    Body, Request, Response,
    http::StatusCode,
    tower::{Layer as _, ServiceExt as _, service_fn},
};
use latchkey_guard::{
    Guard, GuardLayer, Identity, Requirement, RevocationCheck, TokenLocation, TokenLocations,
    TokenReader,
};
use latchkey_http::{ApiError, GatewayAnswer, answer, json};
use latchkey_password::{HashParams, Hasher};
use latchkey_store::{MemoryLimits, MemoryUsers, MemoryWorkItems};
use latchkey_testkit::{
    event::{request, with_authorizer},
    fixtures::{reader_with, token_profile, unlimited},
};
use latchkey_token::{KeySet, PresentedToken, Timestamp, TokenError, TokenProfile, Verifier};
use protected::Protected;
use serde_json::{Value, json};
use workitems::WorkItems;

use crate::{
    accounts::{add_users, keys, legacy_users},
    expected::{DENIED, decided_at},
    forms::Locations,
    tokens::{EXPIRED_TOKEN, INVALID, OPENS, TokenRow, WRONG_TYPE},
};

/// A component that verifies tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Surface {
    Verifier,
    Guard,
    Layer,
    HttpApi2,
    HttpApi1,
    RestRequest,
    RestToken,
    WebSocket,
    BehindAuthorizer,
    Me,
    Protected,
    WorkItems,
}

impl Surface {
    pub(crate) const ALL: [Self; 12] = [
        Self::Verifier,
        Self::Guard,
        Self::Layer,
        Self::HttpApi2,
        Self::HttpApi1,
        Self::RestRequest,
        Self::RestToken,
        Self::WebSocket,
        Self::BehindAuthorizer,
        Self::Me,
        Self::Protected,
        Self::WorkItems,
    ];

    /// The authorizer with each event format.
    pub(crate) const AUTHORIZERS: [Self; 5] =
        [Self::HttpApi2, Self::HttpApi1, Self::RestRequest, Self::RestToken, Self::WebSocket];

    /// The surfaces by kind.
    pub(crate) const KINDS: [&[Self]; 6] = [
        &[Self::Verifier],
        &[Self::Guard],
        &[Self::Layer],
        &Self::AUTHORIZERS,
        &[Self::BehindAuthorizer],
        &[Self::Me, Self::Protected, Self::WorkItems],
    ];
}

/// The answer of a surface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SurfaceAnswer {
    pub(crate) verdict: String,
    /// The id of the caller, if the surface returns it.
    pub(crate) user: Option<String>,
}

impl SurfaceAnswer {
    fn verdict(verdict: &str) -> Self {
        Self { verdict: verdict.to_owned(), user: None }
    }

    fn of(answer: &GatewayAnswer) -> Self {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
        if (200..300).contains(&answer.status_code) {
            return Self { verdict: OPENS.to_owned(), user: text("id") };
        }
        Self { verdict: text("error").unwrap_or_else(|| format!("{answer:?}")), user: None }
    }
}

thread_local! {
    /// The Unix time of the layer's clock.
    static CLOCK: Cell<u64> = const { Cell::new(0) };
}

fn clock() -> Timestamp {
    Timestamp::from_unix(CLOCK.get())
}

/// A deployment with an in-memory store.
pub(crate) struct MemoryDeployment {
    keys: KeySet,
    profile: TokenProfile,
    guard: Arc<Guard<MemoryUsers>>,
    authorizer: Authorizer<MemoryUsers>,
    account: Account<MemoryUsers, MemoryLimits>,
    protected: Protected<MemoryUsers>,
    work_items: WorkItems<MemoryWorkItems, MemoryUsers>,
}

impl MemoryDeployment {
    /// A deployment with strict revocation checks.
    pub(crate) async fn new(locations: Locations, leeway: u64, base: u64) -> Self {
        Self::checking(locations, leeway, base, RevocationCheck::Strict).await
    }

    /// A deployment with that revocation check.
    pub(crate) async fn checking(
        locations: Locations,
        leeway: u64,
        base: u64,
        check: RevocationCheck,
    ) -> Self {
        let users = MemoryUsers::default();
        add_users(&users, base).await;
        for (identity, user) in legacy_users() {
            users.add_legacy_user(identity, user);
        }
        let leeway = Duration::from_secs(leeway);
        let profile = TokenProfile { leeway, ..token_profile() };
        let locations = match locations {
            Locations::Header => TokenLocations::default(),
            Locations::All => TokenLocations {
                order: vec![
                    TokenLocation::Headers,
                    TokenLocation::Cookies,
                    TokenLocation::QueryString,
                    TokenLocation::Json,
                ],
                ..TokenLocations::default()
            },
        };
        let reader = || {
            let (profile, locations) = (profile.clone(), locations.clone());
            TokenReader { profile, locations, ..reader_with(keys()) }
        };
        let guard = || Guard::new(reader(), Some(users.clone()), check);
        let hasher = Hasher::new(HashParams::default()).unwrap();
        Self {
            keys: keys(),
            profile: profile.clone(),
            guard: Arc::new(guard()),
            authorizer: Authorizer { guard: guard(), edge: None },
            account: Account {
                users: users.clone(),
                reader: reader(),
                limits: unlimited(),
                hasher,
            },
            protected: Protected { guard: guard() },
            work_items: WorkItems { items: MemoryWorkItems::default(), guard: guard() },
        }
    }

    /// The answer of a surface to `event` of [`crate::events::event_for`], which presents the token.
    pub(crate) async fn answer(
        &self,
        surface: Surface,
        token: &TokenRow,
        event: &str,
        now: u64,
    ) -> SurfaceAnswer {
        let at = Timestamp::from_unix(now);
        match surface {
            Surface::Verifier => self.verify(token, at),
            Surface::Guard => {
                let handle = async |request: &Request| {
                    caller_id(&self.guard.authenticate(request, Requirement::TOKEN, at).await?)
                };
                SurfaceAnswer::of(&answer(event, &handle).await)
            }
            Surface::Layer => {
                CLOCK.set(now);
                let handle = async |request: &Request| Ok::<_, ApiError>(self.layer(request).await);
                SurfaceAnswer::of(&answer(event, &handle).await)
            }
            Surface::HttpApi2
            | Surface::HttpApi1
            | Surface::RestRequest
            | Surface::RestToken
            | Surface::WebSocket => decision_answer(&self.decide(event, at).await),
            Surface::BehindAuthorizer => {
                let then = Timestamp::from_unix(decided_at(token, now));
                let decision = self.decide(event, then).await;
                let allowed = decision_answer(&decision);
                if allowed.verdict == DENIED {
                    return allowed;
                }
                let event = request("GET", "/workitems");
                let event = with_authorizer(event, &decision["context"]).to_string();
                SurfaceAnswer { user: allowed.user, ..self.work_items(&event, at).await }
            }
            Surface::Me => {
                let handle = async |request: &Request| self.account.handle(request, at).await;
                SurfaceAnswer::of(&answer(event, &handle).await)
            }
            Surface::Protected => {
                let handle = async |request: &Request| self.protected.handle(request, at).await;
                SurfaceAnswer::of(&answer(event, &handle).await)
            }
            Surface::WorkItems => self.work_items(event, at).await,
        }
    }

    /// The verdict of the verifier, which has error variants instead of codes.
    fn verify(&self, token: &TokenRow, now: Timestamp) -> SurfaceAnswer {
        let verifier = Verifier::new(&self.keys, &self.profile);
        let checked =
            PresentedToken::parse(&token.text).and_then(|token| verifier.access(token, now));
        SurfaceAnswer::verdict(match checked {
            Ok(_) => OPENS,
            Err(TokenError::Expired) => EXPIRED_TOKEN,
            Err(TokenError::WrongType(_)) => WRONG_TYPE,
            Err(_) => INVALID,
        })
    }

    async fn layer(&self, request: &Request) -> Response<Body> {
        let service = service_fn(|request: Request| async move {
            let caller = request.extensions().get::<Identity>().unwrap();
            Ok::<_, Infallible>(caller_id(caller).unwrap())
        });
        let mut copy = Request::new(Body::Empty);
        request.method().clone_into(copy.method_mut());
        request.uri().clone_into(copy.uri_mut());
        request.headers().clone_into(copy.headers_mut());
        let layer = GuardLayer::new(Arc::clone(&self.guard), clock);
        layer.layer(service).oneshot(copy).await.unwrap()
    }

    /// The decision of the authorizer.
    pub(crate) async fn decide(&self, event: &str, now: Timestamp) -> Value {
        serde_json::to_value(self.authorizer.handle(event, now).await.unwrap()).unwrap()
    }

    async fn work_items(&self, event: &str, now: Timestamp) -> SurfaceAnswer {
        let handle = async |request: &Request| self.work_items.handle(request, now).await;
        SurfaceAnswer::of(&answer(event, &handle).await)
    }
}

fn caller_id(caller: &Identity) -> Result<Response<Body>, ApiError> {
    json(StatusCode::OK, &json!({ "id": caller.user() }))
}

fn decision_answer(decision: &Value) -> SurfaceAnswer {
    let effect = decision.pointer("/policyDocument/Statement/0/Effect").and_then(Value::as_str);
    let user = decision["context"]["sub"].as_str().map(str::to_owned);
    match (decision["isAuthorized"].as_bool(), effect) {
        (Some(true), None) | (None, Some("Allow")) => {
            SurfaceAnswer { verdict: OPENS.to_owned(), user }
        }
        (Some(false), None) | (None, Some("Deny")) => {
            SurfaceAnswer { verdict: DENIED.to_owned(), user }
        }
        _ => panic!("not a decision: {decision}"),
    }
}
