//! A stack: the functions of a template and the AWS emulator that they call.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    io,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use latchkey_config::{ConfigError, Environment};
use latchkey_password::HashParams;
use tokio::net::TcpListener;

use crate::{
    aws::AwsEmulator,
    environment::{Environments, NoSharedSecret},
    files::Files,
    log::{FunctionLog, LogFile, is_json},
    sandbox::{FunctionCommand, InvokeError, Pool, Pools},
    template::{Function, Template},
};

/// A variable outside of the template that an operator may set.
const CALL_TIMEOUT: &str = "AWS_CALL_TIMEOUT_MS";
/// The variable that Lambda sets from the template; a given value overrides it.
const LOG_FORMAT: &str = "AWS_LAMBDA_LOG_FORMAT";

/// Why a stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalStackError {
    /// A port or a file could not be opened.
    #[error("the stack does not start: {0}")]
    Io(#[from] io::Error),
    /// Another stack uses that folder.
    #[error("another `make dev` uses {}", .0.display())]
    InUse(PathBuf),
    /// The key ring does not support the given algorithm.
    #[error(transparent)]
    Keys(#[from] NoSharedSecret),
    /// The configuration of a function is invalid.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// A function is not built.
    #[error("there is no binary {}", .0.display())]
    NoBinary(PathBuf),
}

/// Settings of a [`LocalStack`].
#[expect(missing_debug_implementations, reason = "a closure cannot be printed")]
pub struct StackSettings<'a> {
    /// The parsed template.
    pub template: &'a Template,
    /// The folder of the functions' binaries.
    pub binaries: &'a Path,
    /// The URL of a DynamoDB with the template's tables.
    pub dynamodb_url: &'a str,
    /// The folder of the KMS key and the secrets; `None` keeps them in memory.
    pub state: Option<&'a Path>,
    /// The folder for the AWS endpoint of a stack without state.
    pub endpoint_folder: Option<&'a Path>,
    /// Looks up a variable that overrides the template's.
    pub given: &'a dyn Fn(&str) -> Option<String>,
    /// Number of requests after which a sandbox is replaced; `None` keeps it.
    pub requests_per_sandbox: Option<NonZeroU32>,
}

/// A running stack, without a gateway.
#[derive(Debug)]
pub struct LocalStack {
    /// The functions by logical name.
    pub functions: Pools,
    /// The URL of the emulated AWS calls.
    pub aws_url: String,
    uses_key_ring: bool,
    _files: Files,
    _lock: Option<File>,
}

impl LocalStack {
    /// Starts a stack. [`LocalStack::make_ring`] creates the key ring.
    ///
    /// # Errors
    /// Every variant of [`LocalStackError`].
    pub async fn start(settings: &StackSettings<'_>) -> Result<Self, LocalStackError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let aws_url = format!("http://{}", listener.local_addr()?);
        let environments = Environments { given: settings.given, aws_url: &aws_url };
        environments.check()?;
        let mut lock = settings.state.map(|folder| lock(folder, "lock")).transpose()?;
        let log_format = (settings.given)(LOG_FORMAT);
        let is_text = log_format.as_deref().is_some_and(|format| !is_json(format));
        let log_file = settings.state.filter(|_| !is_text);
        let log_file = log_file.map(|folder| Arc::new(LogFile::open(folder)));
        let (mut commands, mut functions, mut callable) =
            (BTreeMap::new(), Pools::new(), Pools::new());
        for (name, function) in &settings.template.functions {
            let log = FunctionLog::new(
                function.lowest_log_level,
                log_format.as_deref(),
                log_file.clone(),
            );
            let command = command(settings, environments, function, log)?;
            let timeout = Duration::from_secs(function.timeout);
            let pool = Pool::new(command.clone(), timeout, settings.requests_per_sandbox);
            let pool = Arc::new(pool);
            commands.insert(name.clone(), command);
            functions.insert(name.clone(), Arc::clone(&pool));
            callable.extend([(name.clone(), Arc::clone(&pool)), (function.name.clone(), pool)]);
        }

        let aws = Arc::new(AwsEmulator::open(settings.state, callable)?);
        tokio::spawn(aws.serve(listener));

        let mut files = Files::default();
        if let Some(folder) = settings.state {
            files.write_variables(folder, &commands)?;
        }
        let uses_key_ring = environments.uses_key_ring();
        // With static keys there is no ring to manage.
        match (settings.state, settings.endpoint_folder) {
            (Some(folder), _) if uses_key_ring => {
                files.write(folder.join("aws-endpoint"), &aws_url)?;
            }
            (None, Some(folder)) if uses_key_ring => {
                // The first of several stacks writes the file; the others only print their address.
                fs::create_dir_all(folder).ok();
                lock = self::lock(folder, "memory-lock").ok();
                if lock.is_some() {
                    files.write(folder.join("aws-endpoint-memory"), &aws_url)?;
                }
            }
            _ => {}
        }
        Ok(Self { functions, aws_url, uses_key_ring, _files: files, _lock: lock })
    }

    /// Starts `login`, which creates the first key ring, unless static keys are set. On AWS the first
    /// request does that.
    ///
    /// # Errors
    /// [`InvokeError`].
    pub async fn make_ring(&self) -> Result<(), InvokeError> {
        match self.functions.get("LoginFunction") {
            Some(login) if self.uses_key_ring => login.warm().await,
            Some(_) | None => Ok(()),
        }
    }

    /// Kills the idle sandboxes of every function and refuses further events.
    pub async fn stop(&self) {
        for function in self.functions.values() {
            function.stop().await;
        }
    }
}

/// How to start a function. Fails for an invalid configuration or a missing binary.
fn command(
    settings: &StackSettings<'_>,
    environments: Environments<'_>,
    function: &Function,
    log: FunctionLog,
) -> Result<FunctionCommand, LocalStackError> {
    let mut variables = environments.of(function);
    check(&function.binary, &variables)?;
    let dynamodb_url = settings.dynamodb_url.to_owned();
    variables.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb_url);
    if let Some(value) = (settings.given)(CALL_TIMEOUT) {
        variables.insert(CALL_TIMEOUT.to_owned(), value);
    }
    let binary = settings.binaries.join(&function.binary);
    if !binary.exists() {
        return Err(LocalStackError::NoBinary(binary));
    }
    let (name, memory) = (function.binary.clone(), function.memory);
    Ok(FunctionCommand { name, binary, memory, variables, log })
}

/// Checks the configuration as the function does at its start.
fn check(function: &str, variables: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let environment = Environment::new(|name| variables.get(name).cloned());
    latchkey_config::check(function, &environment)?;
    environment.hashing(HashParams::new).map(drop)
}

/// Locks a folder until this process ends: two stacks would overwrite each other's files.
fn lock(folder: &Path, name: &str) -> Result<File, LocalStackError> {
    let file = File::create(folder.join(name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LocalStackError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
