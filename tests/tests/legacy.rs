//! Tokens of a Flask service, over the real binaries: they open the account that was moved, which
//! the legacy table names, and no other.
#![cfg(test)]

use latchkey_testkit::{
    dynamodb,
    flask::{extended_claims, key_set, sign},
};
use latchkey_tests::stack::{Answer, PASSWORD, Settings, Stack, Tokens, claims_of};
use latchkey_token::Timestamp;
use local::tables;
use reqwest::Method;
use serde_json::{Value, json};

const NEW_PASSWORD: &str = "another horse battery";

/// A stack that takes tokens of a Flask service, and where its tables are.
struct Moved {
    stack: Stack,
    dynamodb: String,
}

impl Moved {
    async fn start(settings: Settings) -> Self {
        let dynamodb = dynamodb().await;
        let settings = settings
            .hashing_lightly()
            .variable("SIGNING_KEYS", &key_set(&json!({ "minted_by": "flask" })))
            .option("--dynamodb-endpoint", &dynamodb);
        // The stack asks DynamoDB before it is ready, which runs in this process.
        let stack = tokio::task::block_in_place(|| settings.start());
        Self { stack, dynamodb }
    }

    /// Signs a user up; returns the id.
    async fn sign_up(&self, username: &str) -> String {
        let created = self.stack.sign_up(username).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.body["user"]["id"].as_str().unwrap().to_owned()
    }

    /// Makes an account as the migration does; returns the id.
    async fn move_user(&self, username: &str, identity: &str) -> String {
        let id = self.sign_up(username).await;
        let texts = [("identity", identity), ("user_id", &id), ("username", username)];
        let item: serde_json::Map<String, Value> =
            texts.map(|(name, text)| (name.to_owned(), json!({ "S": text }))).into_iter().collect();
        let request = json!({ "TableName": "LegacyTable", "Item": item });
        let (status, answer) = tables::call(&self.dynamodb, "PutItem", &request).await.unwrap();
        assert!(status.is_success(), "{answer}");
        id
    }

    async fn password(&self, token: &str) -> Answer {
        let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
        self.stack.send_json((Method::POST, "/password"), token, &change).await
    }

    async fn delete_account(&self, token: &str) -> Answer {
        let body = json!({ "password": PASSWORD });
        self.stack.send_json((Method::DELETE, "/me"), token, &body).await
    }

    /// The tokens of that identity open nothing, on any kind of route.
    async fn assert_opens_nothing(&self, identity: &str) {
        let (access, refresh) = (access(identity), refresh(identity));
        for answer in [
            self.stack.get("/protected", &access).await,
            self.stack.get("/protected/optional", &access).await,
            self.stack.get("/me", &access).await,
            self.stack.get("/sessions", &access).await,
            self.password(&access).await,
            self.delete_account(&access).await,
            self.stack.refresh(&refresh).await,
        ] {
            let refusal = (answer.status, answer.text("error"));
            assert_eq!(refusal, (401, "token_revoked"), "{identity}: {answer:?}");
        }
        assert_eq!(self.stack.get("/workitems", &access).await.status, 403, "{identity}");
    }

    /// The tokens of that identity open the account of that id.
    async fn assert_opens(&self, identity: &str, id: &str) {
        let me = self.stack.get("/me", &access(identity)).await;
        assert_eq!((me.status, me.text("id")), (200, id), "{identity}: {me:?}");
        assert_eq!(self.stack.get("/workitems", &access(identity)).await.status, 200);
        let tokens = Tokens::of(&self.stack.refresh(&refresh(identity)).await);
        assert_eq!(claims_of(&tokens.access)["sub"], id, "{identity}");
    }
}

/// A token of the Flask service that was issued just now, with these claims put over its own.
fn token(identity: &str, changes: &Value) -> String {
    let now = Timestamp::now().unix();
    let times = json!({ "sub": identity, "iat": now, "nbf": now, "exp": now + 900 });
    let mut claims = extended_claims();
    for changes in [&times, changes] {
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    }
    sign(&claims)
}

fn access(identity: &str) -> String {
    token(identity, &json!({}))
}

fn refresh(identity: &str) -> String {
    token(identity, &json!({ "type": "refresh", "fresh": false }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_was_not_moved_does_not_open_the_account_of_one_who_was() {
    let api = Moved::start(Settings::default()).await;
    // The old service told `Root` from `root`, and `root` was moved.
    let id = api.move_user("root", "root").await;
    api.assert_opens("root", &id).await;
    for identity in ["Root", "ROOT", "root ", "ｒｏｏｔ", &id] {
        api.assert_opens_nothing(identity).await;
    }
    // The identity was a number there, and the name is another's number here.
    let id = api.move_user("2", "1").await;
    api.assert_opens("1", &id).await;
    api.assert_opens_nothing("2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_an_unmoved_name_is_not_sent_its_old_owners_client() {
    let api = Moved::start(Settings::default()).await;
    api.assert_opens_nothing("carol").await;
    api.sign_up("carol").await;
    api.assert_opens_nothing("carol").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_a_deleted_name_is_not_opened_to_its_old_owner() {
    let api = Moved::start(Settings::default()).await;
    let id = api.move_user("Dave", "dave").await;
    api.assert_opens("dave", &id).await;
    assert_eq!(api.delete_account(&access("dave")).await.status, 204);
    api.assert_opens_nothing("dave").await;
    api.sign_up("dave").await;
    api.assert_opens_nothing("dave").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_was_changed_with_an_old_token_ends_all_of_them() {
    let api = Moved::start(Settings::default()).await;
    let id = api.move_user("erin", "erin").await;
    let before = Tokens::of(&api.stack.refresh(&refresh("erin")).await);
    let changed = Tokens::of(&api.password(&access("erin")).await);
    api.assert_opens_nothing("erin").await;
    let ended = api.stack.get("/protected", &before.access).await;
    assert_eq!((ended.status, ended.text("error")), (401, "token_revoked"));
    let renewed = Tokens::of(&api.stack.refresh(&changed.refresh).await);
    assert_eq!(api.stack.get("/me", &renewed.access).await.text("id"), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn leeway_is_for_tokens_of_a_flask_service_too() {
    const LEEWAY: u64 = 60;
    let settings = Settings::default().variable("JWT_DECODE_LEEWAY", &LEEWAY.to_string());
    let api = Moved::start(settings).await;
    api.move_user("frank", "frank").await;
    for (seconds, is_taken) in [(LEEWAY / 2, true), (LEEWAY * 2, false)] {
        let now = Timestamp::now().unix();
        for change in [
            json!({ "exp": now - seconds }),
            json!({ "nbf": now + seconds }),
            json!({ "iat": now + seconds }),
        ] {
            let access = token("frank", &change);
            for path in ["/protected", "/workitems", "/me"] {
                let answer = api.stack.get(path, &access).await;
                assert_eq!(answer.status == 200, is_taken, "{path} {change}: {answer:?}");
            }
            let mut claims = change.clone();
            claims["type"] = json!("refresh");
            let answer = api.stack.refresh(&token("frank", &claims)).await;
            assert_eq!(answer.status == 200, is_taken, "{change}: {answer:?}");
        }
    }
}
