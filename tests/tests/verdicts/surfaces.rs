//! What judges tokens: one scene of a store in memory, and everything that stands in front of it.

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
use latchkey_store::{MemoryUsers, MemoryWorkItems};
use latchkey_testkit::{
    event::{request, with_authorizer},
    fixtures::{reader_with, token_profile},
};
use latchkey_token::{KeySet, PresentedToken, Timestamp, TokenError, TokenProfile, Verifier};
use protected::Protected;
use serde_json::{Value, json};
use workitems::WorkItems;

use crate::{
    expected::{DENIED, decided_at},
    forms::Places,
    tokens::{EXPIRED_TOKEN, INVALID, OPENS, Token, WRONG_TYPE},
    world::{add_users, keys, legacy_users},
};

/// What judges tokens.
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

    /// The authorizers, by the shape of what they are asked.
    pub(crate) const AUTHORIZERS: [Self; 5] =
        [Self::HttpApi2, Self::HttpApi1, Self::RestRequest, Self::RestToken, Self::WebSocket];

    /// The six kinds.
    pub(crate) const KINDS: [&[Self]; 6] = [
        &[Self::Verifier],
        &[Self::Guard],
        &[Self::Layer],
        &Self::AUTHORIZERS,
        &[Self::BehindAuthorizer],
        &[Self::Me, Self::Protected, Self::WorkItems],
    ];
}

/// What a surface said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) verdict: String,
    /// Whom it took the caller for, where it says that.
    pub(crate) user: Option<String>,
}

impl Said {
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
    /// What a layer's clock says.
    static CLOCK: Cell<u64> = const { Cell::new(0) };
}

fn clock() -> Timestamp {
    Timestamp::from_unix(CLOCK.get())
}

/// One deployment.
pub(crate) struct Scene {
    keys: KeySet,
    profile: TokenProfile,
    guard: Arc<Guard<MemoryUsers>>,
    authorizer: Authorizer<MemoryUsers>,
    account: Account<MemoryUsers>,
    protected: Protected<MemoryUsers>,
    work_items: WorkItems<MemoryWorkItems, MemoryUsers>,
}

impl Scene {
    /// A deployment that looks every session up.
    pub(crate) async fn new(places: Places, leeway: u64, base: u64) -> Self {
        Self::checking(places, leeway, base, RevocationCheck::Strict).await
    }

    /// A deployment that looks sessions up so.
    pub(crate) async fn checking(
        places: Places,
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
        let locations = match places {
            Places::Header => TokenLocations::default(),
            Places::All => TokenLocations {
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
            authorizer: Authorizer { guard: guard() },
            account: Account { users: users.clone(), reader: reader(), hasher },
            protected: Protected { guard: guard() },
            work_items: WorkItems { items: MemoryWorkItems::default(), guard: guard() },
        }
    }

    /// What a surface says of a token that `event` presents, which [`crate::events::event_for`] has made.
    pub(crate) async fn judge(
        &self,
        surface: Surface,
        token: &Token,
        event: &str,
        now: u64,
    ) -> Said {
        let at = Timestamp::from_unix(now);
        match surface {
            Surface::Verifier => self.verify(token, at),
            Surface::Guard => {
                let handle = async |request: &Request| {
                    told(&self.guard.authenticate(request, Requirement::TOKEN, at).await?)
                };
                Said::of(&answer(event, &handle).await)
            }
            Surface::Layer => {
                CLOCK.set(now);
                let handle = async |request: &Request| Ok::<_, ApiError>(self.layer(request).await);
                Said::of(&answer(event, &handle).await)
            }
            Surface::HttpApi2
            | Surface::HttpApi1
            | Surface::RestRequest
            | Surface::RestToken
            | Surface::WebSocket => said_by(&self.decide(event, at).await),
            Surface::BehindAuthorizer => {
                let then = Timestamp::from_unix(decided_at(token, now));
                let decision = self.decide(event, then).await;
                let allowed = said_by(&decision);
                if allowed.verdict == DENIED {
                    return allowed;
                }
                let event = request("GET", "/workitems");
                let event = with_authorizer(event, &decision["context"]).to_string();
                Said { user: allowed.user, ..self.work_items(&event, at).await }
            }
            Surface::Me => {
                let handle = async |request: &Request| self.account.handle(request, at).await;
                Said::of(&answer(event, &handle).await)
            }
            Surface::Protected => {
                let handle = async |request: &Request| self.protected.handle(request, at).await;
                Said::of(&answer(event, &handle).await)
            }
            Surface::WorkItems => self.work_items(event, at).await,
        }
    }

    /// A library knows the code of a refusal only; the sentence of the contract is the answer's.
    fn verify(&self, token: &Token, now: Timestamp) -> Said {
        let verifier = Verifier::new(&self.keys, &self.profile);
        let checked =
            PresentedToken::parse(&token.text).and_then(|token| verifier.access(token, now));
        Said::verdict(match checked {
            Ok(_) => OPENS,
            Err(TokenError::Expired) => EXPIRED_TOKEN,
            Err(TokenError::WrongType(_)) => WRONG_TYPE,
            Err(_) => INVALID,
        })
    }

    async fn layer(&self, request: &Request) -> Response<Body> {
        let service = service_fn(|request: Request| async move {
            let caller = request.extensions().get::<Identity>().unwrap();
            Ok::<_, Infallible>(told(caller).unwrap())
        });
        let mut same = Request::new(Body::Empty);
        request.method().clone_into(same.method_mut());
        request.uri().clone_into(same.uri_mut());
        request.headers().clone_into(same.headers_mut());
        let layer = GuardLayer::new(Arc::clone(&self.guard), clock);
        layer.layer(service).oneshot(same).await.unwrap()
    }

    /// The authorizer's decision.
    pub(crate) async fn decide(&self, event: &str, now: Timestamp) -> Value {
        serde_json::to_value(self.authorizer.handle(event, now).await.unwrap()).unwrap()
    }

    async fn work_items(&self, event: &str, now: Timestamp) -> Said {
        let handle = async |request: &Request| self.work_items.handle(request, now).await;
        Said::of(&answer(event, &handle).await)
    }
}

fn told(caller: &Identity) -> Result<Response<Body>, ApiError> {
    json(StatusCode::OK, &json!({ "id": caller.user() }))
}

fn said_by(decision: &Value) -> Said {
    let effect = decision.pointer("/policyDocument/Statement/0/Effect").and_then(Value::as_str);
    let user = decision["context"]["sub"].as_str().map(str::to_owned);
    match (decision["isAuthorized"].as_bool(), effect) {
        (Some(true), None) | (None, Some("Allow")) => Said { verdict: OPENS.to_owned(), user },
        (Some(false), None) | (None, Some("Deny")) => Said { verdict: DENIED.to_owned(), user },
        _ => panic!("no decision: {decision}"),
    }
}
