//! Verifier, guard and authorizer agree on 2,000 tokens, whatever shape the authorizer is asked in.
//! Longer than the rest because the tokens are one list.
#![cfg(test)]

use std::collections::HashSet;

use auth_api::{Guard, SessionCheck};
use auth_session::{User, Username};
use auth_store::{AddUser as _, MemoryUsers};
use auth_testkit::{
    authorizer_event::{http_api_1, http_api_2, rest_request, rest_token, web_socket},
    forge::{
        bad_refresh_tokens, bad_tokens, bad_tokens_like, claims_for, header, refresh_claims_for,
        refresh_header, sign, sign_texts, sign_with_foreign_key, with,
    },
    subject::{NOW, operation, session, user, verifier},
};
use auth_token::{AccessClaims, Algorithm, PresentedToken, SessionId};
use authorizer::Authorizer;
use serde_json::{Value, json};

/// How many tokens there are.
const ROWS: usize = 2_000;

/// Where the random changes begin.
const SEED: u64 = 0x5eed_0f70_6b65_6e73;

/// A user who is logged in.
struct Alice {
    users: MemoryUsers,
    user: User,
    session: SessionId,
}

impl Alice {
    async fn log_in() -> Self {
        let users = MemoryUsers::default();
        let mut alice = user("Alice");
        let started = session(&alice, NOW);
        alice.sessions.insert(started.id.clone(), started.session);
        users.add_user(&alice, &operation()).await.unwrap();
        Self { users, user: alice, session: started.id }
    }

    /// The claims of an access token of hers.
    fn claims(&self) -> Value {
        claims_for(&self.user.id, &self.session)
    }

    /// Whether these claims name her session.
    fn is_named_by(&self, claims: &AccessClaims) -> bool {
        let username = Username::parse(&claims.username);
        claims.user == self.user.id
            && claims.session == self.session
            && username.is_ok_and(|name| name.folded() == self.user.username.folded())
    }
}

/// Tokens that differ, each with what it is.
#[derive(Default)]
struct Corpus {
    rows: Vec<(String, String)>,
    seen: HashSet<String>,
}

impl Corpus {
    fn add(&mut self, name: impl Into<String>, token: String) {
        if self.seen.insert(token.clone()) {
            self.rows.push((name.into(), token));
        }
    }

    fn add_all(&mut self, prefix: &str, rows: impl IntoIterator<Item = (String, String)>) {
        for (name, token) in rows {
            self.add(format!("{prefix}: {name}"), token);
        }
    }
}

fn corpus(alice: &Alice) -> Vec<(String, String)> {
    let mut corpus = Corpus::default();
    let genuine = genuine(alice);
    corpus.add_all("genuine", genuine.clone());
    let listed = |(name, token, _)| (name, token);
    corpus.add_all("bad", bad_tokens().into_iter().map(listed));
    corpus.add_all("bad", bad_tokens_like(&header(), &alice.claims()).into_iter().map(listed));
    let bad_refresh = bad_refresh_tokens(&alice.user.id, &alice.session);
    corpus.add_all("bad refresh", bad_refresh.into_iter().map(listed));
    let refresh = refresh_claims_for(&alice.user.id, &alice.session, 0);
    for (name, header, claims) in
        [("access", header(), alice.claims()), ("refresh", refresh_header(), refresh)]
    {
        corpus.add(name, sign(&header, &claims));
        corpus.add_all(name, changed_claims(&header, &claims));
        corpus.add_all(name, changed_headers(&header, &claims));
        corpus.add_all(name, changed_times(&header, &claims));
    }
    corpus.add_all("cut", cut(&genuine[0].1));
    corpus.add_all("spliced", spliced(alice));
    assert!(corpus.rows.len() < ROWS, "{} leave no room for noise", corpus.rows.len());

    let mut random = Random(SEED);
    while corpus.rows.len() < ROWS {
        let (name, token) = random.one_of(&genuine).clone();
        let (name, token) = random.change(&name, &token);
        corpus.add(name, token);
    }
    corpus.rows
}

/// Tokens that are good in ways as different as possible.
fn genuine(alice: &Alice) -> Vec<(String, String)> {
    (0..72_u64)
        .map(|number| {
            let mut header = header();
            if number % 3 == 1 {
                header["typ"] = "application/at+jwt".into();
            }
            if number % 4 == 1 {
                header["app"] = json!({ "number": [number] });
            }
            let mut claims = alice.claims();
            claims["jti"] = format!("token-{number}").into();
            claims["iat"] = (NOW.unix() - number).into();
            claims["nbf"] = (NOW.unix() - number * (number % 2)).into();
            claims["exp"] = (NOW.unix() + 1 + number * 10).into();
            claims["auth_time"] = (NOW.unix() - number * 1_000).into();
            claims["fresh"] = (number % 2 == 0).into();
            if number % 3 == 0 {
                claims["roles"] = (0..number / 10).map(|role| format!("role {role}")).collect();
            }
            if number % 4 == 2 {
                claims["csrf"] = "a-secret".into();
            }
            if number % 5 == 0 {
                claims["username"] = "ALICE".into();
            }
            if number % 7 == 0 {
                claims["tenant"] = json!({ "id": number, "plan": null, "Exp": 0 });
            }
            (format!("number {number}"), sign(&header, &claims))
        })
        .collect()
}

/// What a member is replaced with. `null` is a value here and not a missing member.
fn replacements() -> [Value; 16] {
    [
        Value::Null,
        json!(true),
        json!(false),
        json!(0),
        json!(3),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!(" "),
        json!("x".repeat(500)),
        json!([]),
        json!(["x"]),
        json!({}),
        json!({ "x": 1 }),
    ]
}

/// Each claim missing, replaced and repeated.
fn changed_claims(header: &Value, claims: &Value) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let present = claims.as_object().unwrap().keys().map(String::as_str);
    for name in present.chain(["roles", "gen", "csrf", "tenant", "scope"]) {
        rows.push((format!("no {name}"), sign(header, &with(claims.clone(), name, Value::Null))));
        for value in replacements() {
            if name == "username" && is_text_but_no_name(&value) {
                continue;
            }
            let mut changed = claims.clone();
            changed[name] = value.clone();
            rows.push((format!("{name} {value:.30}"), sign(header, &changed)));
        }
        let text = claims.to_string();
        let repeated = format!("{},\"{name}\":\"x\"}}", text.trim_end_matches('}'));
        rows.push((format!("{name} repeated"), sign_texts(&header.to_string(), &repeated)));
    }
    rows
}

/// The verifier does not know what a user name may be; the guard does.
fn is_text_but_no_name(value: &Value) -> bool {
    value.as_str().is_some_and(|text| Username::parse(text).is_err())
}

/// Each member of the header missing, replaced and repeated, and every member that is refused.
fn changed_headers(header: &Value, claims: &Value) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for name in ["alg", "kid", "typ"] {
        rows.push((format!("no {name}"), sign(&with(header.clone(), name, Value::Null), claims)));
        let text = header[name].as_str().unwrap();
        let spelled = [text.to_uppercase(), text.to_lowercase(), format!("{text} ")];
        for value in replacements().into_iter().chain(spelled.map(Value::from)) {
            let mut changed = header.clone();
            changed[name] = value.clone();
            rows.push((format!("header {name} {value:.30}"), sign(&changed, claims)));
        }
        let repeated =
            format!("{},\"{name}\":{}}}", header.to_string().trim_end_matches('}'), header[name]);
        let token = sign_texts(&repeated, &claims.to_string());
        rows.push((format!("header {name} repeated"), token));
    }
    for algorithm in Algorithm::ALL {
        let changed = with(header.clone(), "alg", algorithm.name().into());
        rows.push((format!("header alg {}", algorithm.name()), sign(&changed, claims)));
    }
    for name in
        ["b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5t", "x5t#S256", "x5u", "zip", "app"]
    {
        for value in [Value::Null, json!(true), json!("x"), json!([]), json!({})] {
            let mut changed = header.clone();
            changed[name] = value.clone();
            rows.push((format!("header {name} {value}"), sign(&changed, claims)));
        }
    }
    rows
}

/// Each time on both sides of each of its bounds.
fn changed_times(header: &Value, claims: &Value) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    for name in ["iat", "nbf", "exp", "auth_time"] {
        for seconds in [-901_i64, -900, -899, -1, 0, 1, 899, 900, 901] {
            let moment = NOW.unix().saturating_add_signed(seconds);
            let changed = with(claims.clone(), name, moment.into());
            rows.push((format!("{name} {seconds}"), sign(header, &changed)));
        }
    }
    rows
}

/// Beginnings and ends of a token.
fn cut(token: &str) -> Vec<(String, String)> {
    let beginnings = (0..token.len()).step_by(3);
    let beginnings = beginnings.map(|end| (format!("the first {end}"), token[..end].to_owned()));
    let ends = (1..token.len()).step_by(23);
    let ends = ends.map(|start| (format!("without the first {start}"), token[start..].to_owned()));
    beginnings.chain(ends).collect()
}

/// Every combination of the parts of five tokens.
fn spliced(alice: &Alice) -> Vec<(String, String)> {
    let claims = alice.claims();
    let refresh = refresh_claims_for(&alice.user.id, &alice.session, 0);
    let tokens = [
        sign(&header(), &claims),
        sign(&header(), &with(claims.clone(), "roles", json!(["admin"]))),
        sign(&refresh_header(), &refresh),
        sign_with_foreign_key(&header(), &claims),
        sign(&with(header(), "alg", "none".into()), &claims),
    ];
    let parts = tokens.each_ref().map(|token| token.split('.').collect::<Vec<_>>());
    let mut rows = Vec::new();
    for (a, headers) in parts.iter().enumerate() {
        for (b, payloads) in parts.iter().enumerate() {
            for (c, signatures) in parts.iter().enumerate() {
                let token = [headers[0], payloads[1], signatures[2]].join(".");
                rows.push((format!("{a}, {b} and {c}"), token));
            }
        }
    }
    rows
}

/// An xorshift generator: the same changes in every run.
struct Random(u64);

impl Random {
    /// A number under `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bound = u64::try_from(bound).unwrap();
        usize::try_from((self.0 >> 11) % bound).unwrap()
    }

    fn one_of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// The token with one character replaced, removed or doubled.
    fn change(&mut self, name: &str, token: &str) -> (String, String) {
        const CHARACTERS: &str =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ %,;\"\0\té";
        let mut characters: Vec<_> = token.chars().collect();
        let position = self.below(characters.len());
        match self.below(8) {
            0 => {
                characters.remove(position);
            }
            1 => characters.insert(position, characters[position]),
            _ => {
                let any: Vec<_> = CHARACTERS.chars().collect();
                characters[position] = *self.one_of(&any);
            }
        }
        (format!("{name} changed at {position}"), characters.into_iter().collect())
    }
}

type Shape = (&'static str, fn(&str) -> Value);
const SHAPES: [Shape; 5] = [
    ("HTTP API 2.0", http_api_2),
    ("HTTP API 1.0", http_api_1),
    ("REST REQUEST", rest_request),
    ("REST TOKEN", rest_token),
    ("WebSocket", web_socket),
];

/// A guard and an authorizer with the same settings, and nothing else in common.
struct Pair {
    guard: Guard<MemoryUsers>,
    authorizer: Authorizer<MemoryUsers>,
}

impl Pair {
    fn new(sessions: impl Fn() -> SessionCheck<MemoryUsers>) -> Self {
        let guard = || Guard::new(verifier(), sessions());
        Self { guard: guard(), authorizer: Authorizer { guard: guard() } }
    }

    /// Who lets the token through.
    async fn who_admits(&self, token: &str) -> Vec<&'static str> {
        let mut admitting = Vec::new();
        if self.guard.admit(token, NOW).await.is_ok() {
            admitting.push("guard");
        }
        for (name, shape) in SHAPES {
            let event = shape(&format!("Bearer {token}")).to_string();
            let decision = self.authorizer.handle(&event, NOW).await.unwrap();
            let decision = serde_json::to_value(decision).unwrap();
            let effect = decision.pointer("/policyDocument/Statement/0/Effect");
            match (decision.get("isAuthorized"), effect.and_then(Value::as_str)) {
                (Some(Value::Bool(true)), None) | (None, Some("Allow")) => admitting.push(name),
                (Some(Value::Bool(false)), None) | (None, Some("Deny")) => {}
                _ => panic!("no decision: {decision}"),
            }
        }
        admitting
    }
}

fn everybody() -> Vec<&'static str> {
    ["guard"].into_iter().chain(SHAPES.map(|(name, _)| name)).collect()
}

#[tokio::test]
async fn verifier_guard_and_authorizer_agree_on_two_thousand_tokens_row_by_row() {
    let alice = Alice::log_in().await;
    let signature_alone = Pair::new(SessionCheck::off);
    let session_too = Pair::new(|| SessionCheck::strict(alice.users.clone()));
    let verifier = verifier();
    let rows = corpus(&alice);
    assert_eq!(rows.len(), ROWS);

    let (mut good, mut bad) = (0, 0);
    for (number, (name, token)) in rows.iter().enumerate() {
        let claims = PresentedToken::parse(token).and_then(|token| verifier.access(token, NOW));
        let row = format!("row {number}, {name} (seed {SEED:#x}): {claims:?} for {token:.600}");
        let expected = |is_good: bool| if is_good { everybody() } else { Vec::new() };
        assert_eq!(signature_alone.who_admits(token).await, expected(claims.is_ok()), "{row}");
        let is_hers = claims.as_ref().is_ok_and(|claims| alice.is_named_by(claims));
        assert_eq!(session_too.who_admits(token).await, expected(is_hers), "{row}");
        if name.starts_with("genuine: ") {
            assert!(is_hers, "{row}");
        }
        if name.starts_with("bad") {
            assert!(claims.is_err(), "{row}");
        }
        *(if claims.is_ok() { &mut good } else { &mut bad }) += 1;
    }
    assert!(good >= 50 && bad >= 1_500, "{good} good and {bad} bad tokens");
}

#[tokio::test]
async fn a_name_that_nobody_can_have_is_refused_by_guard_and_authorizer_alike() {
    let alice = Alice::log_in().await;
    let pairs =
        [Pair::new(SessionCheck::off), Pair::new(|| SessionCheck::strict(alice.users.clone()))];
    for name in ["", " ", "a b", "a\u{0}", "\u{202e}alice", &"x".repeat(129)] {
        let token = sign(&header(), &with(alice.claims(), "username", name.into()));
        for pair in &pairs {
            assert_eq!(pair.who_admits(&token).await, Vec::<&str>::new(), "{name:?}");
        }
    }
}
