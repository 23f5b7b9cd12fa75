//! The emulated calls of KMS, Secrets Manager and Lambda.
#![cfg(test)]

use std::{
    collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use local::{
    aws::AwsEmulator,
    log::FunctionLog,
    sandbox::{FunctionCommand, Pool, Pools},
    tables::http_client,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const ERROR_TYPE: &str = "x-amzn-errortype";

/// An emulator with one secret and one function, which ends at its start.
struct Emulator {
    url: String,
}

/// Status, one header and body of a response.
type CallReply = (u16, String, Value);

impl Emulator {
    async fn start(state: Option<&Path>) -> Self {
        let command = FunctionCommand {
            name: "admin".to_owned(),
            binary: "/bin/false".into(),
            memory: 128,
            variables: BTreeMap::new(),
            log: FunctionLog::default(),
        };
        let function = Arc::new(Pool::new(command, Duration::from_secs(2), None));
        let functions = Pools::from([("AdminFunction".to_owned(), function)]);
        let aws = AwsEmulator::open(state, functions).unwrap();
        aws.secrets.put("Keys", "first".into());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(Arc::new(aws).serve(listener));
        Self { url }
    }

    async fn post(
        &self,
        path: &str,
        (name, value): (&'static str, &str),
        header_name: &str,
        body: &Value,
    ) -> CallReply {
        let request = http_client().unwrap().post(format!("{}{path}", self.url));
        let answer = request.header(name, value).body(body.to_string()).send().await.unwrap();
        let header = answer.headers().get(header_name).map_or("", |value| value.to_str().unwrap());
        let (status, header) = (answer.status().as_u16(), header.to_owned());
        (status, header, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    async fn call(&self, target: &str, body: &Value) -> CallReply {
        self.post("/", ("x-amz-target", target), ERROR_TYPE, body).await
    }

    /// The result of a call, or its error code.
    async fn result(&self, target: &str, body: &Value) -> Result<Value, String> {
        let (status, error, answer) = self.call(target, body).await;
        if status == 200 { Ok(answer) } else { Err(error) }
    }

    async fn secret(&self, id: &str) -> Result<String, String> {
        let request = json!({ "SecretId": id });
        let answer = self.result("secretsmanager.GetSecretValue", &request).await?;
        Ok(answer["SecretString"].as_str().unwrap().to_owned())
    }

    async fn encrypt(&self, key: &str, kid: &str, plaintext: &[u8]) -> Result<String, String> {
        let plaintext = BASE64_STANDARD.encode(plaintext);
        let context = json!({ "purpose": "test", "kid": kid });
        let request = json!({ "KeyId": key, "Plaintext": plaintext, "EncryptionContext": context });
        let answer = self.result("TrentService.Encrypt", &request).await?;
        Ok(answer["CiphertextBlob"].as_str().unwrap().to_owned())
    }

    async fn decrypt(&self, key: &str, kid: &str, blob: &str) -> Result<Vec<u8>, String> {
        let context = json!({ "purpose": "test", "kid": kid });
        let request = json!({ "KeyId": key, "CiphertextBlob": blob, "EncryptionContext": context });
        let answer = self.result("TrentService.Decrypt", &request).await?;
        Ok(BASE64_STANDARD.decode(answer["Plaintext"].as_str().unwrap()).unwrap())
    }

    async fn invoke(&self, name: &str, kind: &str, header_name: &str) -> CallReply {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        self.post(&path, ("x-amz-invocation-type", kind), header_name, &json!({})).await
    }
}

#[tokio::test]
async fn header_and_body_of_an_error_have_its_code() {
    let aws = Emulator::start(None).await;
    let target = "secretsmanager.GetSecretValue";
    for (target, request, code) in [
        (target, json!({ "SecretId": "Other" }), "ResourceNotFoundException"),
        (target, json!({}), "SerializationException"),
        ("secretsmanager.DeleteSecret", json!({}), "UnknownOperationException"),
        ("TrentService.Decrypt", json!({ "KeyId": "k" }), "SerializationException"),
    ] {
        let (status, header, answer) = aws.call(target, &request).await;
        assert_eq!((status, header.as_str()), (400, code), "{target} {request}");
        assert_eq!(answer["__type"], code);
        assert!(answer["message"].is_string(), "{answer}");
    }
}

#[tokio::test]
async fn secrets_are_read_from_files_and_from_memory() {
    let state = tempfile::tempdir().unwrap();
    fs::create_dir(state.path().join("secrets")).unwrap();
    fs::write(state.path().join("secrets/flask"), "in a file\n").unwrap();
    fs::write(state.path().join("outside"), "not a secret").unwrap();
    let aws = Emulator::start(Some(state.path())).await;
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:flask";
    for (id, value) in [("flask", "in a file"), (arn, "in a file"), ("Keys", "first")] {
        assert_eq!(aws.secret(id).await.as_deref(), Ok(value));
    }
    let not_found = Err("ResourceNotFoundException".to_owned());
    for id in ["", "Flask", "../outside", "secret:../outside", "."] {
        assert_eq!(aws.secret(id).await, not_found, "{id}");
    }
    assert_eq!(Emulator::start(None).await.secret("flask").await, not_found);
}

#[tokio::test]
async fn decryption_needs_the_same_key_and_context() {
    let (aws, other) = (Emulator::start(None).await, Emulator::start(None).await);
    let sealed = aws.encrypt("a", "1", b"text").await.unwrap();
    assert_ne!(sealed, aws.encrypt("a", "1", b"text").await.unwrap());
    assert_eq!(aws.decrypt("a", "1", &sealed).await, Ok(b"text".to_vec()));
    for (aws, key, kid, blob) in [
        (&aws, "b", "1", sealed.as_str()),
        (&aws, "a", "2", &sealed),
        (&aws, "a", "1", ""),
        (&aws, "a", "1", &sealed[..20]),
        (&other, "a", "1", &sealed),
    ] {
        let refused = aws.decrypt(key, kid, blob).await;
        assert_eq!(refused, Err("InvalidCiphertextException".to_owned()));
    }
    let refused = aws.decrypt("a", "1", "%").await;
    assert_eq!(refused, Err("SerializationException".to_owned()));
    for (length, is_accepted) in [(0, false), (4096, true), (4097, false)] {
        let outcome = aws.encrypt("a", "1", &vec![1; length]).await;
        assert_eq!(outcome.is_ok(), is_accepted, "{outcome:?}");
    }
}

#[tokio::test]
async fn only_the_owner_can_read_the_file_of_the_kms_key() {
    let folder = tempfile::tempdir().unwrap();
    let state = Some(folder.path());
    let sealed = Emulator::start(state).await.encrypt("a", "1", b"text").await.unwrap();
    let again = Emulator::start(state).await;
    assert_eq!(again.decrypt("a", "1", &sealed).await, Ok(b"text".to_vec()));
    let file = folder.path().join("kms-key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(file, "short").unwrap();
    assert!(AwsEmulator::open(state, Pools::new()).is_err());
}

#[tokio::test]
async fn a_function_is_invoked_by_its_name() {
    let aws = Emulator::start(None).await;
    let failed = aws.invoke("AdminFunction", "RequestResponse", "x-amz-function-error").await;
    let (status, header, report) = failed;
    assert_eq!((status, header.as_str()), (200, "Unhandled"));
    assert_eq!(report["errorType"], "Sandbox.InitFailed");
    assert_eq!(report["errorMessage"], "The function did not initialise");

    let (status, header, report) = aws.invoke("unknown", "RequestResponse", ERROR_TYPE).await;
    assert_eq!((status, header.as_str()), (404, "ResourceNotFoundException"));
    assert_eq!(report, json!({ "Type": "User", "Message": "Function not found: unknown" }));

    let (status, header, _) = aws.invoke("AdminFunction", "Event", ERROR_TYPE).await;
    assert_eq!((status, header.as_str()), (400, "InvalidParameterValueException"));
}
