//! The token locations of a guard.
#![cfg(test)]

use lambda_http::{
    Body, Request,
    http::{self, HeaderName},
};
use latchkey_guard::{
    Guard, Identity, Requirement, RevocationCheck, TokenLocation, TokenLocations, TokenReader,
};
use latchkey_http::{ApiError, ErrorKind};
use latchkey_store::MemoryUsers;
use latchkey_testkit::{
    fixtures::{NOW, reader},
    forge::{claims, header, refresh_claims_for, refresh_header, sign, with},
};
use latchkey_token::{SessionId, UserId};

const ALL: [TokenLocation; 5] = TokenLocation::ALL;

fn locations(order: &[TokenLocation]) -> TokenLocations {
    TokenLocations { order: order.to_vec(), ..TokenLocations::default() }
}

fn guard(locations: TokenLocations) -> Guard<MemoryUsers> {
    let reader = TokenReader { locations, ..reader() };
    Guard::new(reader, None::<MemoryUsers>, RevocationCheck::Off)
}

fn get(uri: &str, headers: &[(&str, &str)], body: &str) -> Request {
    let mut request = http::Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body)).unwrap()
}

async fn check(locations: &TokenLocations, request: &Request) -> Result<Identity, ApiError> {
    guard(locations.clone()).authenticate(request, Requirement::TOKEN, NOW).await
}

fn token() -> String {
    sign(&header(), &claims())
}

/// An access token for a cookie.
fn cookie_token() -> String {
    sign(&header(), &with(claims(), "csrf", "secret".into()))
}

fn refresh_token() -> String {
    let (user, session) = (UserId::generate().unwrap(), SessionId::generate().unwrap());
    sign(&refresh_header(), &refresh_claims_for(&user, &session, 0))
}

#[tokio::test]
async fn an_identity_has_the_location_of_its_token() {
    let (token, cookie) = (token(), cookie_token());
    let json = [("content-type", "application/json")];
    for (request, expected) in [
        (get("/", &[("authorization", &format!("Bearer {token}"))], ""), TokenLocation::Headers),
        (
            get("/", &[("cookie", &format!("a=b; __Host-access_token={cookie}"))], ""),
            TokenLocation::Cookies,
        ),
        (get(&format!("/?x=1&jwt={token}"), &[], ""), TokenLocation::QueryString),
        (get("/", &json, &format!(r#"{{"access_token":"{token}"}}"#)), TokenLocation::Json),
    ] {
        let caller = check(&locations(&ALL), &request).await.unwrap();
        assert_eq!(caller.location(), Some(expected));
        for location in ALL.into_iter().filter(|location| *location != expected) {
            let refusal = check(&locations(&[location]), &request).await;
            assert!(
                matches!(refusal, Err(ref error) if error.kind() == ErrorKind::MissingToken),
                "{location:?}: {refusal:?}"
            );
        }
    }
    let admitted = guard(locations(&ALL)).authenticate_token(&token, NOW).await.unwrap();
    assert_eq!(admitted.location(), None, "the application found the token");
}

#[tokio::test]
async fn the_header_and_its_scheme_are_configurable() {
    let token = token();
    let mut other = locations(&[TokenLocation::Headers]);
    other.header_name = HeaderName::from_static("x-auth");
    other.header_scheme = Some("Token".to_owned());
    for value in [format!("Token {token}"), format!("TOKEN {token}")] {
        assert!(check(&other, &get("/", &[("x-auth", &value)], "")).await.is_ok());
    }
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("Token {token}")),
        ("x-auth", format!("Bearer {token}")),
        ("x-auth", format!("JWT {token}")),
        ("x-auth", token.clone()),
    ] {
        let refusal = check(&other, &get("/", &[(name, &value)], "")).await;
        assert!(
            matches!(refusal, Err(ref error) if error.kind() == ErrorKind::MissingToken),
            "{name} {refusal:?}"
        );
    }
    let bare = TokenLocations { header_scheme: None, ..other };
    assert!(check(&bare, &get("/", &[("x-auth", &token)], "")).await.is_ok());
    let refusal = check(&bare, &get("/", &[("x-auth", &format!("Bearer {token}"))], "")).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn the_query_parameter_and_its_prefix_are_configurable() {
    let token = token();
    let mut other = locations(&[TokenLocation::QueryString]);
    other.query_name = "tk".to_owned();
    other.query_prefix = "Bearer ".to_owned();
    for query in [
        format!("tk=Bearer%20{token}"),
        format!("a=1&tk=Bearer+{token}"),
        format!("tk=Bearer+{token}&tk=Bearer+{token}"),
    ] {
        assert!(check(&other, &get(&format!("/?{query}"), &[], "")).await.is_ok());
    }
    let refusal = check(&other, &get(&format!("/?tk={token}"), &[], "")).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
        "{refusal:?}"
    );
    let two = check(&other, &get(&format!("/?tk=Bearer+{token}&tk=Bearer+x"), &[], "")).await;
    assert!(matches!(two, Err(ref error) if error.kind() == ErrorKind::InvalidRequest), "{two:?}");
    for query in [format!("jwt={token}"), "tk=".to_owned(), "tk".to_owned()] {
        let refusal = check(&other, &get(&format!("/?{query}"), &[], "")).await;
        assert!(
            matches!(refusal, Err(ref error) if error.kind() == ErrorKind::MissingToken),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn the_members_of_a_body_are_configurable() {
    let mut other = locations(&[TokenLocation::Json]);
    other.json_access_key = "a".to_owned();
    other.json_refresh_key = "r".to_owned();
    let json = [("content-type", "application/json")];
    let body = format!(r#"{{"a":"{}","r":"{}"}}"#, token(), refresh_token());
    assert!(check(&other, &get("/", &json, &body)).await.is_ok());
    let plain = get("/", &[("content-type", "text/plain")], &body);
    assert!(
        matches!(check(&other, &plain).await, Err(ref error) if error.kind() == ErrorKind::MissingToken)
    );
    let default = format!(r#"{{"access_token":"{}"}}"#, token());
    assert!(
        matches!(check(&other, &get("/", &json, &default)).await, Err(ref error) if error.kind() == ErrorKind::MissingToken)
    );

    // A refresh token may be in the body with any configured locations.
    for order in [TokenLocation::Json, TokenLocation::Headers] {
        let locations = TokenLocations { order: vec![order], ..other.clone() };
        let reader = TokenReader { locations, ..reader() };
        let token = reader.refresh(&get("/", &json, &body), NOW).await.unwrap();
        assert!(token.claims.session.is_some());
        assert_eq!(token.location, TokenLocation::Json);
    }
}

#[tokio::test]
async fn the_first_location_with_a_token_decides() {
    let good = token();
    let bearer = format!("Bearer {good}");
    let bad_cookie =
        get("/", &[("authorization", &bearer), ("cookie", "__Host-access_token=x.y.z")], "");
    let headers_first = locations(&[TokenLocation::Headers, TokenLocation::Cookies]);
    let cookies_first = locations(&[TokenLocation::Cookies, TokenLocation::Headers]);
    assert!(check(&headers_first, &bad_cookie).await.is_ok());
    let refusal = check(&cookies_first, &bad_cookie).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
        "{refusal:?}"
    );

    let both = |query: &str| get(query, &[("authorization", &bearer)], "");
    let same = check(&locations(&ALL), &both(&format!("/?jwt={good}&jwt={good}"))).await;
    assert_eq!(same.unwrap().location(), Some(TokenLocation::Headers));
    let refusal = check(&locations(&ALL), &both("/?jwt=x.y.z")).await;
    assert!(
        matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidRequest),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn a_repeated_cookie_is_one_token_and_two_values_are_refused() {
    let cookie = cookie_token();
    let cookies = locations(&[TokenLocation::Cookies]);
    let read = async |lines: &[String]| {
        let lines: Vec<_> = lines.iter().map(|line| ("cookie", line.as_str())).collect();
        check(&cookies, &get("/", &lines, "")).await
    };
    let valid = format!("__Host-access_token={cookie}");
    for other in [
        "a=b",
        "",
        "=",
        "__Host-access_token=",
        "__Host-access_token",
        "x__Host-access_token=x",
        "__Host-access_tokens=x",
        "\u{e9}=\u{e9}",
        "a=\"; b",
        "a=b=c",
    ] {
        for line in [
            format!("{valid}; {other}"),
            format!("{other};{valid}"),
            format!("{valid}; {other}; {valid}"),
        ] {
            assert!(read(std::slice::from_ref(&line)).await.is_ok(), "{line}");
        }
        assert!(read(&[other.to_owned(), valid.clone()]).await.is_ok(), "{other}");
    }
    for lines in [
        &[format!("{valid}; __Host-access_token=x.y.z")][..],
        &[valid.clone(), "__Host-access_token=x".to_owned()],
    ] {
        let refusal = read(lines).await;
        assert!(
            matches!(refusal, Err(ref error) if error.kind() == ErrorKind::InvalidToken),
            "{refusal:?}"
        );
    }
}

#[tokio::test]
async fn the_error_for_a_missing_token_names_the_locations() {
    for (order, sentence) in [
        (&[TokenLocation::Headers][..], "Missing Authorization Header"),
        (&[TokenLocation::Cookies, TokenLocation::Headers], "Missing Authorization Header"),
        (&[TokenLocation::Cookies], "Missing JWT in cookies"),
        (&[TokenLocation::QueryString, TokenLocation::Json], "Missing JWT in query_string, json"),
    ] {
        let guard = guard(locations(order));
        let refused = guard.authenticate(&get("/", &[], ""), Requirement::TOKEN, NOW).await;
        let refused = refused.unwrap_err();
        assert_eq!((refused.kind().code(), refused.message()), ("missing_token", sentence));
    }
}

#[tokio::test]
async fn a_subprotocol_counts_only_if_it_looks_like_a_token() {
    let locations = locations(&[TokenLocation::WebSocketProtocol]);
    let offered = |protocols: &str| get("/", &[("sec-websocket-protocol", protocols)], "");
    let token = token();
    assert!(check(&locations, &offered(&format!("graphql-ws, {token}"))).await.is_ok());
    for other in ["graphql-ws", "v1.chat.example", "eyJ", "eyJa.b.c.d"] {
        let error = check(&locations, &offered(other)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingToken, "{other}");
    }
}
