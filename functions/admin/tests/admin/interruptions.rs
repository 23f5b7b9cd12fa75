//! User commands with a fault in any of their calls.

use admin::AdminError;
use latchkey_session::{AccountStatus, AddUser as _, ReadUser as _, User};
use latchkey_testkit::{
    cloud::Cloud,
    event::user_command,
    fixtures::{NOW, operation, user},
    proxy::Fault,
};
use serde_json::json;

use super::{run, users};

/// Fails each call of each command with each fault, then repeats the command.
#[tokio::test]
async fn an_interrupted_command_is_done_or_not_and_can_be_repeated() {
    let cloud = Cloud::start().await;
    for fault in [Fault::DropRequest, Fault::DropReply, Fault::Error("AccessDeniedException")] {
        for command in ["create", "disable", "roles", "claims", "end-sessions", "reset", "delete"] {
            for call in 1..=2 {
                let name = format!("{command}-{call}-{}", uuid());
                let added = user(&name);
                let store = users(&cloud).await;
                if command != "create" {
                    store.add_user(&added, &operation()).await.unwrap();
                }
                let more = match command {
                    "disable" => json!({ "reason": "x" }),
                    "roles" => json!({ "add": ["admin"] }),
                    "claims" => json!({ "set": { "plan": "pro" } }),
                    "delete" => json!({ "id": added.id }),
                    _ => json!({}),
                };
                let event = user_command(&name, command, &more);
                // As many as the client attempts.
                cloud.proxy.inject_from(call, fault, 3);
                let outcome = run(&cloud, event.clone(), NOW).await;
                cloud.proxy.heal();
                let found = store.find_user(&added.username).await.unwrap();
                let is_done = is_done(command, found.as_ref());
                assert!(outcome.is_err() || is_done, "{command} at {call}: {fault:?}");
                if let Err(error) = &outcome {
                    assert!(matches!(error, AdminError::User(_)), "{error}");
                }
                if !is_done {
                    run(&cloud, event, NOW).await.unwrap();
                    let found = store.find_user(&added.username).await.unwrap();
                    assert!(self::is_done(command, found.as_ref()), "{command} at {call}");
                }
            }
        }
    }
}

fn uuid() -> String {
    latchkey_token::SessionId::generate().unwrap().as_str().replace('_', "x").to_lowercase()
}

fn is_done(command: &str, found: Option<&User>) -> bool {
    match (command, found) {
        ("delete", None) => true,
        ("create", Some(user)) => user.password_hash.is_none(),
        ("disable", Some(user)) => user.status == AccountStatus::Disabled,
        ("roles", Some(user)) => user.roles == ["admin"],
        ("claims", Some(user)) => !user.claims.is_empty(),
        ("end-sessions", Some(user)) => user.credentials_version == 1,
        ("reset", Some(user)) => user.password_hash.is_none() && user.codes.iter().count() == 1,
        _ => false,
    }
}
