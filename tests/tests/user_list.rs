//! `latchkey users list` with many users.
#![cfg(test)]

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use latchkey_testkit::{dynamodb, event::user_command};
use latchkey_tests::{
    keys::{Operator, processes_of},
    process::peak_megabytes,
    program::latchkey,
    stack::Settings,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const USERS: usize = 100_000;

/// Adds [`USERS`] accounts without passwords.
async fn add_users(operator: &Operator) {
    operator.invoke(&user_command("user0", "create", &json!({}))).await.unwrap();
    let scan = json!({ "TableName": "UsersTable" });
    let first = operator.dynamodb("Scan", &scan).await["Items"][0].take();
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let (operator, first) = (operator.clone(), first.clone());
        writers.spawn(async move {
            let numbers: Vec<_> = (1..USERS).filter(|number| number % 4 == writer).collect();
            for batch in numbers.chunks(25) {
                let puts: Vec<_> = batch.iter().map(|number| put(&first, *number)).collect();
                let request = json!({ "RequestItems": { "UsersTable": puts } });
                operator.dynamodb("BatchWriteItem", &request).await;
            }
        });
    }
    writers.join_all().await;
}

/// A write of a copy of an account with another name and id.
fn put(account: &Value, number: usize) -> Value {
    let mut item = account.clone();
    item["username"]["S"] = format!("user{number}").into();
    item["name"] = item["username"].clone();
    item["id"]["S"] = format!("{number:022}").into();
    json!({ "PutRequest": { "Item": item } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_100_000_users_streams_with_constant_memory() {
    let endpoint = dynamodb().await;
    let settings = Settings::default().option("--dynamodb-endpoint", &endpoint);
    let stack = tokio::task::block_in_place(|| settings.start());
    add_users(&Operator::of(&stack)).await;
    let mut program = latchkey()
        .args(["users", "list", "--json", &format!("--local={}", stack.aws)])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (process, lines) = (program.id(), BufReader::new(program.stdout.take().unwrap()).lines());
    let (mut users, mut peak) = (0, 0_f64);
    for line in lines {
        let user: Value = serde_json::from_str(&line.unwrap()).unwrap();
        assert_eq!(user["status"], "active");
        users += 1;
        // The program waits while its pipe is full, so it still runs at most of these lines.
        if users % 100 == 0 {
            peak = peak.max(peak_megabytes(process).unwrap_or(0.0));
        }
    }
    assert!(program.wait().unwrap().success());
    assert_eq!(users, USERS);
    let [admin] = processes_of(&stack, "admin")[..] else { panic!("one process of admin") };
    let admin = peak_megabytes(admin).unwrap();
    let is_constant = 0.0 < peak && peak < 64.0 && admin < 40.0;
    assert!(is_constant, "the program needs {peak} MB, the function {admin} MB");
}
