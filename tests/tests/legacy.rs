//! Tokens of a Flask service, with the real binaries: they open only the migrated account that the
//! legacy table names.
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

/// A stack that accepts tokens of a Flask service.
struct MigratedStack {
    stack: Stack,
    dynamodb: String,
}

impl MigratedStack {
    async fn start(settings: Settings) -> Self {
        let dynamodb = dynamodb().await;
        let settings = settings
            .cheap_hashes()
            .variable("SIGNING_KEYS", &key_set(&json!({ "minted_by": "flask" })))
            .option("--dynamodb-endpoint", &dynamodb);
        // The starting stack calls DynamoDB, which runs in this process.
        let stack = tokio::task::block_in_place(|| settings.start());
        Self { stack, dynamodb }
    }

    /// Signs a user up. Returns the user id.
    async fn sign_up(&self, username: &str) -> String {
        let created = self.stack.sign_up(username).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.body["user"]["id"].as_str().unwrap().to_owned()
    }

    /// Creates an account as the migration does. Returns the user id.
    async fn migrate_user(&self, username: &str, identity: &str) -> String {
        let id = self.sign_up(username).await;
        let texts = [("identity", identity), ("user_id", &id), ("username", username)];
        let item: serde_json::Map<String, Value> =
            texts.map(|(name, text)| (name.to_owned(), json!({ "S": text }))).into_iter().collect();
        let request = json!({ "TableName": "LegacyTable", "Item": item });
        let (status, answer) = tables::call(&self.dynamodb, "PutItem", &request).await.unwrap();
        assert!(status.is_success(), "{answer}");
        id
    }

    async fn change_password(&self, token: &str) -> Answer {
        let change = json!({ "current_password": PASSWORD, "new_password": NEW_PASSWORD });
        self.stack.send_json((Method::POST, "/password"), token, &change).await
    }

    async fn delete_account(&self, token: &str) -> Answer {
        let body = json!({ "password": PASSWORD });
        self.stack.send_json((Method::DELETE, "/me"), token, &body).await
    }

    /// Tokens of an identity are refused on every kind of route.
    async fn assert_opens_nothing(&self, identity: &str) {
        let (access, refresh) = (access(identity), refresh(identity));
        for answer in [
            self.stack.get("/protected", &access).await,
            self.stack.get("/protected/optional", &access).await,
            self.stack.get("/me", &access).await,
            self.stack.get("/sessions", &access).await,
            self.change_password(&access).await,
            self.delete_account(&access).await,
            self.stack.refresh(&refresh).await,
        ] {
            let refusal = (answer.status, answer.text("error"));
            assert_eq!(refusal, (401, "token_revoked"), "{identity}: {answer:?}");
        }
        assert_eq!(self.stack.get("/workitems", &access).await.status, 403, "{identity}");
    }

    /// Tokens of an identity open the account with that id.
    async fn assert_opens(&self, identity: &str, id: &str) {
        let me = self.stack.get("/me", &access(identity)).await;
        assert_eq!((me.status, me.text("id")), (200, id), "{identity}: {me:?}");
        assert_eq!(self.stack.get("/workitems", &access(identity)).await.status, 200);
        let tokens = Tokens::of(&self.stack.refresh(&refresh(identity)).await);
        assert_eq!(claims_of(&tokens.access)["sub"], id, "{identity}");
    }
}

/// A token of the Flask service issued now. `changes` overrides its claims.
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
async fn an_unknown_identity_does_not_open_a_similar_migrated_account() {
    let migrated = MigratedStack::start(Settings::default()).await;
    // The Flask service had both `Root` and `root`; `root` was migrated.
    let id = migrated.migrate_user("root", "root").await;
    migrated.assert_opens("root", &id).await;
    for identity in ["Root", "ROOT", "root ", "ｒｏｏｔ", &id] {
        migrated.assert_opens_nothing(identity).await;
    }
    // The user name is a number that is another user's identity.
    let id = migrated.migrate_user("2", "1").await;
    migrated.assert_opens("1", &id).await;
    migrated.assert_opens_nothing("2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_tokens_do_not_open_an_account_made_by_sign_up() {
    let migrated = MigratedStack::start(Settings::default()).await;
    migrated.assert_opens_nothing("carol").await;
    migrated.sign_up("carol").await;
    migrated.assert_opens_nothing("carol").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_tokens_do_not_open_the_new_account_of_a_deleted_name() {
    let migrated = MigratedStack::start(Settings::default()).await;
    let id = migrated.migrate_user("Dave", "dave").await;
    migrated.assert_opens("dave", &id).await;
    assert_eq!(migrated.delete_account(&access("dave")).await.status, 204);
    migrated.assert_opens_nothing("dave").await;
    migrated.sign_up("dave").await;
    migrated.assert_opens_nothing("dave").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_change_with_a_legacy_token_ends_all_legacy_tokens() {
    let migrated = MigratedStack::start(Settings::default()).await;
    let id = migrated.migrate_user("erin", "erin").await;
    let before = Tokens::of(&migrated.stack.refresh(&refresh("erin")).await);
    let changed = Tokens::of(&migrated.change_password(&access("erin")).await);
    migrated.assert_opens_nothing("erin").await;
    let ended = migrated.stack.get("/protected", &before.access).await;
    assert_eq!((ended.status, ended.text("error")), (401, "token_revoked"));
    let renewed = Tokens::of(&migrated.stack.refresh(&changed.refresh).await);
    assert_eq!(migrated.stack.get("/me", &renewed.access).await.text("id"), id);
}

#[tokio::test(flavor = "multi_thread")]
async fn leeway_applies_to_legacy_tokens() {
    const LEEWAY: u64 = 60;
    let settings = Settings::default().variable("JWT_DECODE_LEEWAY", &LEEWAY.to_string());
    let migrated = MigratedStack::start(settings).await;
    migrated.migrate_user("frank", "frank").await;
    for (seconds, is_accepted) in [(LEEWAY / 2, true), (LEEWAY * 2, false)] {
        let now = Timestamp::now().unix();
        for change in [
            json!({ "exp": now - seconds }),
            json!({ "nbf": now + seconds }),
            json!({ "iat": now + seconds }),
        ] {
            let access = token("frank", &change);
            for path in ["/protected", "/workitems", "/me"] {
                let answer = migrated.stack.get(path, &access).await;
                assert_eq!(answer.status == 200, is_accepted, "{path} {change}: {answer:?}");
            }
            let mut claims = change.clone();
            claims["type"] = json!("refresh");
            let answer = migrated.stack.refresh(&token("frank", &claims)).await;
            assert_eq!(answer.status == 200, is_accepted, "{change}: {answer:?}");
        }
    }
}
