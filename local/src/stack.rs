//! A stack: the functions of a template, and the part of AWS that they call.

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
    sandbox::{FunctionCommand, InvokeError, Pool, Pools},
    template::{Function, Template},
};

/// Variables that Lambda or an operator sets beside the template's.
const PASSED_ON: [&str; 2] = ["AWS_CALL_TIMEOUT_MS", "AWS_LAMBDA_LOG_LEVEL"];

/// Why a stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalStackError {
    /// A port or a file could not be opened.
    #[error("the stack does not start: {0}")]
    Io(#[from] io::Error),
    /// Another stack keeps its state there.
    #[error("another `make dev` uses {}", .0.display())]
    InUse(PathBuf),
    /// The ring cannot have keys of the given algorithm.
    #[error(transparent)]
    Keys(#[from] NoSharedSecret),
    /// The configuration of a function is invalid.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// A function was not built.
    #[error("there is no function {}", .0.display())]
    NoBinary(PathBuf),
}

/// The settings of a stack.
#[expect(missing_debug_implementations, reason = "a closure cannot be printed")]
pub struct StackSettings<'a> {
    /// The template.
    pub template: &'a Template,
    /// The folder of the functions' binaries.
    pub binaries: &'a Path,
    /// The URL of a DynamoDB that has the template's tables.
    pub dynamodb_url: &'a str,
    /// The folder of the KMS key and secrets; `None` keeps them in memory.
    pub state: Option<&'a Path>,
    /// The folder in which a stack without state writes its AWS endpoint, if any.
    pub endpoint_folder: Option<&'a Path>,
    /// Looks up a variable that takes the place of the template's.
    pub given: &'a dyn Fn(&str) -> Option<String>,
    /// After how many requests a sandbox is replaced; `None` keeps it.
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
    /// Starts a stack. There may be no key ring before [`LocalStack::make_ring`].
    ///
    /// # Errors
    /// Every variant of [`LocalStackError`].
    pub async fn start(settings: &StackSettings<'_>) -> Result<Self, LocalStackError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let aws_url = format!("http://{}", listener.local_addr()?);
        let environments = Environments { given: settings.given, aws_url: &aws_url };
        environments.check()?;
        let (mut commands, mut functions, mut callable) =
            (BTreeMap::new(), Pools::new(), Pools::new());
        for (name, function) in &settings.template.functions {
            let command = command(settings, environments, function)?;
            let timeout = Duration::from_secs(function.timeout);
            let pool = Pool::new(command.clone(), timeout, settings.requests_per_sandbox);
            let pool = Arc::new(pool);
            commands.insert(name.clone(), command);
            functions.insert(name.clone(), Arc::clone(&pool));
            callable.extend([(name.clone(), Arc::clone(&pool)), (function.name.clone(), pool)]);
        }

        let mut lock = settings.state.map(|folder| lock(folder, "lock")).transpose()?;
        let aws = Arc::new(AwsEmulator::open(settings.state, callable)?);
        tokio::spawn(aws.serve(listener));

        let mut files = Files::default();
        if let Some(folder) = settings.state {
            files.write_variables(folder, &commands)?;
        }
        let uses_key_ring = environments.uses_key_ring();
        // With static keys there is no ring to operate.
        match (settings.state, settings.endpoint_folder) {
            (Some(folder), _) if uses_key_ring => {
                files.write(folder.join("aws-endpoint"), &aws_url)?;
            }
            (None, Some(folder)) if uses_key_ring => {
                // The first of several stacks is found there; the others print their address.
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

    /// Starts `login`, which makes the first key ring, unless static keys are given. On AWS its first
    /// request does so.
    ///
    /// # Errors
    /// [`InvokeError`].
    pub async fn make_ring(&self) -> Result<(), InvokeError> {
        match self.functions.get("LoginFunction") {
            Some(login) if self.uses_key_ring => login.warm().await,
            Some(_) | None => Ok(()),
        }
    }

    /// Kills the idle sandboxes of every function and refuses further work.
    pub async fn stop(&self) {
        for function in self.functions.values() {
            function.stop().await;
        }
    }
}

/// How a function is started, if its configuration is valid and it was built.
fn command(
    settings: &StackSettings<'_>,
    environments: Environments<'_>,
    function: &Function,
) -> Result<FunctionCommand, LocalStackError> {
    let mut variables = environments.of(function);
    check(&function.binary, &variables)?;
    let dynamodb_url = settings.dynamodb_url.to_owned();
    variables.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb_url);
    for name in PASSED_ON {
        if let Some(value) = (settings.given)(name) {
            variables.insert(name.to_owned(), value);
        }
    }
    let binary = settings.binaries.join(&function.binary);
    if !binary.exists() {
        return Err(LocalStackError::NoBinary(binary));
    }
    let (name, memory) = (function.binary.clone(), function.memory);
    Ok(FunctionCommand { name, binary, memory, variables })
}

/// Checks what a function would refuse at its start.
fn check(function: &str, variables: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    let environment = Environment::new(|name| variables.get(name).cloned());
    latchkey_config::check(function, &environment)?;
    environment.hashing(HashParams::new).map(drop)
}

/// Locks a folder as long as this process lives: two stacks would overwrite each other's files.
fn lock(folder: &Path, name: &str) -> Result<File, LocalStackError> {
    let file = File::create(folder.join(name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LocalStackError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
