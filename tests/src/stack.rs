//! The whole system as `make dev` starts it: the real binaries behind the local gateway.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "test helpers panic"
)]

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

pub use crate::answer::{Answer, Tokens, claims_of};
use crate::openapi::Exchange;
use latchkey_testkit::{dynamodb, proxy::DynamoProxy};
use local::tables::http_client;
use reqwest::Method;
use serde_json::{Value, json};

/// The variable of the AWS call timeout and a value in milliseconds. It is long because dozens of test
/// processes share the CPU.
pub const CALL_TIMEOUT: (&str, &str) = ("AWS_CALL_TIMEOUT_MS", "15000");

/// Attempt limits that are off, because tests log one user in more often than the defaults allow.
pub const NO_LIMITS: [(&str, &str); 3] = [
    ("LOGIN_LIMIT_ADDRESS", "off"),
    ("LOGIN_LIMIT_ACCOUNT", "off"),
    ("SIGNUP_LIMIT_ADDRESS", "off"),
];

/// Settings of a [`Stack`].
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Environment variables of the gateway.
    pub variables: Vec<(String, String)>,
    /// Additional arguments of the gateway.
    pub arguments: Vec<String>,
    /// The working directory; by default the workspace.
    pub folder: Option<PathBuf>,
}

impl Settings {
    /// Sets a variable.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the minimum cost of password hashes, for tests that compute many.
    #[must_use]
    pub fn cheap_hashes(self) -> Self {
        self.variable("ARGON2_MEMORY_KIB", "7168").variable("ARGON2_ITERATIONS", "5")
    }

    /// Sets the AWS call timeout, for tests with hanging calls.
    #[must_use]
    pub fn call_timeout(self, milliseconds: u32) -> Self {
        self.variable(CALL_TIMEOUT.0, &milliseconds.to_string())
    }

    /// Adds an option of the gateway.
    #[must_use]
    pub fn option(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn started_in(self, folder: &Path) -> Self {
        let template = workspace().join("template.yaml").display().to_string();
        Self { folder: Some(folder.to_owned()), ..self }.option("--template", &template)
    }

    /// Starts the stack with its own DynamoDB behind a fault proxy.
    pub async fn start_behind_proxy(self) -> (Stack, DynamoProxy) {
        let proxy = DynamoProxy::start(&dynamodb().await).await;
        let settings = self.option("--dynamodb-endpoint", &proxy.endpoint);
        // The starting stack calls the proxy, which runs in this process.
        let stack = tokio::task::block_in_place(|| settings.start());
        proxy.take_calls();
        (stack, proxy)
    }

    fn has_option(&self, option: &str) -> bool {
        self.arguments.iter().any(|argument| argument == option)
    }

    fn command(self) -> Command {
        let mut arguments = vec!["--port", "0"];
        if !self.has_option("--state") {
            arguments.extend(["--state", "memory"]);
        }
        let mut command = Command::new(binaries().join("local"));
        if !self.has_option("--template") && !self.has_option("--timeout") {
            arguments.extend(["--timeout", "20"]);
            command.env(CALL_TIMEOUT.0, CALL_TIMEOUT.1);
        }
        command
            .current_dir(self.folder.as_deref().unwrap_or_else(|| workspace()))
            .args(arguments)
            .arg("--functions")
            .arg(binaries())
            .args(self.arguments)
            .envs(NO_LIMITS)
            .envs(self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        command
    }

    /// Runs a stack that must fail to start. Returns its standard error.
    pub fn start_error(self) -> String {
        let output = self.command().stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        assert!(!output.stdout.starts_with(b"ready"), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Starts the stack and waits until it serves.
    pub fn start(self) -> Stack {
        let variable = |name| {
            let mut variables = self.variables.iter().rev();
            variables.find(|(given, _)| given == name).map(|(_, value)| value.clone())
        };
        let base_path = variable("BASE_PATH").unwrap_or_default();
        let message_key = variable("JWT_ERROR_MESSAGE_KEY").unwrap_or_else(|| "msg".to_owned());
        let is_described = self.folder.is_some() || !self.has_option("--template");
        let mut process =
            self.command().spawn().expect("`local` is built: run the tests with `make test`");
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut output = output.lines().map_while(Result::ok);
        let mut address = |word| output.find_map(|line| line.strip_prefix(word).map(str::to_owned));
        let dynamodb = address("dynamodb ").expect("the stack prints the address of DynamoDB");
        let aws = address("aws ").expect("the stack prints the address of the AWS emulator");
        let url = address("ready ").expect("the stack prints its address");
        let log = Arc::<Mutex<String>>::default();
        let lines = Arc::clone(&log);
        thread::spawn(move || {
            for line in output {
                let mut log = lines.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let client = http_client().unwrap();
        Stack { process, url, aws, dynamodb, log, client, base_path, message_key, is_described }
    }
}

/// The folder of the binaries: that of this executable, or for a test its parent.
pub fn binaries() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let folder = own.parent().unwrap();
    let is_test = folder.ends_with("deps");
    if is_test { folder.parent().unwrap().to_owned() } else { folder.to_owned() }
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A running stack, stopped on drop.
#[derive(Debug)]
pub struct Stack {
    process: Child,
    /// The URL of the gateway.
    pub url: String,
    /// The URL of the emulated KMS, Secrets Manager and Lambda.
    pub aws: String,
    /// The URL of DynamoDB.
    pub dynamodb: String,
    log: Arc<Mutex<String>>,
    client: reqwest::Client,
    base_path: String,
    message_key: String,
    /// Whether `docs/openapi.yaml` describes the served API.
    is_described: bool,
}

/// The password of every test user.
pub const PASSWORD: &str = "correct horse battery";

impl Stack {
    /// Starts a stack with default settings and state in memory.
    pub fn start() -> Self {
        Settings::default().start()
    }

    /// Builds a request for [`Stack::send`].
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Sends a request and validates the answer against `docs/openapi.yaml`.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().unwrap();
        let (method, url) = (request.method().clone(), request.url().clone());
        let answer = self.client.execute(request).await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = answer.bytes().await.unwrap();
        if self.is_described {
            let exchange = Exchange {
                method: &method,
                path: self.without_base_path(url.path()),
                status,
                headers: &headers,
                body: &body,
                message_key: &self.message_key,
            };
            exchange.check();
        }
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Answer { status, headers, body }
    }

    fn without_base_path<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(&self.base_path).filter(|rest| rest.starts_with('/')).unwrap_or(path)
    }

    /// Sends `GET path` with a token.
    pub async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::GET, path).bearer_auth(token)).await
    }

    /// Sends `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request(Method::POST, path).json(body)).await
    }

    /// Signs up with [`PASSWORD`].
    pub async fn sign_up(&self, username: &str) -> Answer {
        self.post("/signup", &json!({ "username": username, "password": PASSWORD })).await
    }

    /// Logs in with [`PASSWORD`].
    pub async fn log_in(&self, username: &str) -> Answer {
        self.post("/login", &json!({ "username": username, "password": PASSWORD })).await
    }

    /// Sends `DELETE path` with a token.
    pub async fn delete(&self, path: &str, token: &str) -> Answer {
        self.send(self.request(Method::DELETE, path).bearer_auth(token)).await
    }

    /// Sends a request with a token and a JSON body.
    pub async fn send_json(
        &self,
        (method, path): (Method, &str),
        token: &str,
        body: &Value,
    ) -> Answer {
        self.send(self.request(method, path).bearer_auth(token).json(body)).await
    }

    /// Sends `POST /refresh` with a refresh token.
    pub async fn refresh(&self, token: &str) -> Answer {
        self.send(self.request(Method::POST, "/refresh").bearer_auth(token)).await
    }

    /// Sends `POST /logout` with an access or refresh token.
    pub async fn log_out(&self, token: &str) -> Answer {
        self.send(self.request(Method::POST, "/logout").bearer_auth(token)).await
    }

    /// Logs in and returns both tokens.
    pub async fn tokens_of(&self, username: &str) -> Tokens {
        Tokens::of(&self.log_in(username).await)
    }

    /// Signs a user up and logs in. Returns the access token.
    pub async fn sign_up_and_log_in(&self, username: &str) -> String {
        assert_eq!(self.sign_up(username).await.status, 201);
        self.log_in(username).await.text("access_token").to_owned()
    }

    /// The log of the gateway and the functions so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log contains a text.
    pub fn wait_for_log(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.log().contains(text) {
            assert!(Instant::now() < deadline, "no {text:?} in the log:\n{}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The process id of the gateway.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The process ids of the running functions.
    pub fn functions(&self) -> Vec<u32> {
        crate::process::children(self.process.id())
    }

    /// Sends a signal such as `INT` to the gateway and waits for its end.
    pub fn stop(&mut self, signal: &str) {
        signal_to(self.process.id(), signal);
        self.process.wait().unwrap();
    }
}

/// Sends a signal such as `KILL` to a process.
pub fn signal_to(process: u32, signal: &str) {
    let number = process.to_string();
    Command::new("kill").args(["-s", signal, &number]).status().unwrap();
}

impl Drop for Stack {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.stop("TERM");
        }
        if thread::panicking() {
            print_log(&self.log());
        }
    }
}

#[expect(clippy::print_stderr, reason = "a failed test shows the log")]
fn print_log(log: &str) {
    eprintln!("{log}");
}
