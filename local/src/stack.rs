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

use latchkey_config::ConfigError;
use tokio::net::TcpListener;

use crate::{
    aws::Aws,
    environment::{Environments, NoSharedSecret},
    files::Files,
    sandbox::{Command, InvokeError, Pool, PoolSettings, Pools, RuntimeApi},
    template::Template,
};

/// How many requests one function handles at once.
const SANDBOXES_PER_FUNCTION: usize = 32;
/// The logical name of the function that makes the first key ring.
const RING_MAKER: &str = "LoginFunction";
const LOCK_FILE: &str = "lock";
/// Held by the stack without state that may be found in a folder.
const NOTICE_LOCK_FILE: &str = "memory-lock";
const LOG_LEVEL: &str = "AWS_LAMBDA_LOG_LEVEL";

/// Why a stack does not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// A port or a file could not be opened.
    #[error("the stack does not start: {0}")]
    Io(#[from] io::Error),
    /// Another stack keeps its state there.
    #[error("another `make dev` uses {}", .0.display())]
    InUse(PathBuf),
    /// Keys were asked for that cannot be made.
    #[error(transparent)]
    Keys(#[from] NoSharedSecret),
    /// A function would not start.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// A function was not built.
    #[error("{function}: there is no {}", .binary.display())]
    NoBinary {
        /// Its logical name.
        function: String,
        /// Where it should be.
        binary: PathBuf,
    },
}

/// What a stack is started with.
#[expect(missing_debug_implementations, reason = "a closure has nothing to print")]
pub struct StackSettings<'a> {
    /// What to run.
    pub template: &'a Template,
    /// The folder of the functions' binaries.
    pub binaries: &'a Path,
    /// The URL of a DynamoDB that has the template's tables.
    pub dynamodb_url: &'a str,
    /// Where the KMS key and secrets are kept; `None` keeps nothing.
    pub state: Option<&'a Path>,
    /// Where a stack that keeps nothing tells the `latchkey` program its address, if anywhere.
    pub notice: Option<&'a Path>,
    /// Looks a variable up that takes the place of the template's.
    pub given: &'a dyn Fn(&str) -> Option<String>,
    /// After how many requests a sandbox is replaced; `None` keeps it as long as it lives.
    pub requests_per_sandbox: Option<NonZeroU32>,
}

/// A stack that runs, without a gateway before it.
#[derive(Debug)]
pub struct Stack {
    /// The functions by logical name.
    pub functions: Pools,
    /// What functions and operators call.
    pub aws: Arc<Aws>,
    /// The URL of that.
    pub aws_url: String,
    has_own_keys: bool,
    _files: Files,
    _lock: Option<File>,
}

impl Stack {
    /// Starts a stack. There may be no key ring before [`Stack::make_ring`].
    ///
    /// # Errors
    /// Every variant of [`StackError`].
    pub async fn start(settings: &StackSettings<'_>) -> Result<Self, StackError> {
        let template = settings.template;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let aws_url = format!("http://{}", listener.local_addr()?);
        let environments = Environments { given: settings.given, aws_url: &aws_url };
        environments.check()?;
        let commands = commands(settings, environments)?;
        let mut lock = settings.state.map(|folder| lock_file(folder, LOCK_FILE)).transpose()?;
        let functions = start_pools(settings, &commands).await?;
        let mut callable = functions.clone();
        for (name, function) in &template.functions {
            if let Some(pool) = functions.get(name) {
                callable.insert(function.name.clone(), Arc::clone(pool));
            }
        }
        let aws = Arc::new(Aws::open(settings.state, callable)?);
        tokio::spawn(Arc::clone(&aws).serve(listener));
        let mut files = Files::default();
        if let Some(folder) = settings.state {
            files.write_variables(folder, &commands)?;
        }
        let has_own_keys = environments.has_own_keys();
        // A stack with static keys has no ring to operate.
        match (settings.state, settings.notice) {
            (Some(folder), _) if has_own_keys => files.write_endpoint(folder, &aws_url)?,
            (None, Some(folder)) if has_own_keys => {
                // The first of several is found; the others print their address.
                let made = fs::create_dir_all(folder).ok();
                lock = made.and_then(|()| lock_file(folder, NOTICE_LOCK_FILE).ok());
                if lock.is_some() {
                    files.write_memory_endpoint(folder, &aws_url)?;
                }
            }
            _ => {}
        }
        Ok(Self { functions, aws, aws_url, has_own_keys, _files: files, _lock: lock })
    }

    /// Starts the function that makes the first key ring, unless static keys were given. On AWS its
    /// first request does so.
    ///
    /// # Errors
    /// [`InvokeError`].
    pub async fn make_ring(&self) -> Result<(), InvokeError> {
        match self.functions.get(RING_MAKER) {
            Some(function) if self.has_own_keys => function.warm().await,
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

/// How each function is started, by logical name.
fn commands(
    settings: &StackSettings<'_>,
    environments: Environments<'_>,
) -> Result<BTreeMap<String, Command>, StackError> {
    let mut commands = BTreeMap::new();
    for (name, function) in &settings.template.functions {
        let mut variables = environments.of(function);
        latchkey_config::check(&function.binary, &|name: &'static str| {
            variables.get(name).cloned()
        })?;
        let dynamodb_url = settings.dynamodb_url.to_owned();
        variables.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb_url);
        if let Some(level) = (settings.given)(LOG_LEVEL) {
            variables.insert(LOG_LEVEL.to_owned(), level);
        }
        let binary = settings.binaries.join(&function.binary);
        if !binary.exists() {
            return Err(StackError::NoBinary { function: name.clone(), binary });
        }
        let command =
            Command { name: function.binary.clone(), binary, memory: function.memory, variables };
        commands.insert(name.clone(), command);
    }
    Ok(commands)
}

async fn start_pools(
    settings: &StackSettings<'_>,
    commands: &BTreeMap<String, Command>,
) -> Result<Pools, StackError> {
    let api = RuntimeApi::start().await?;
    let mut pools = Pools::new();
    for (name, function) in &settings.template.functions {
        let Some(command) = commands.get(name) else { continue };
        let pool = PoolSettings {
            command: command.clone(),
            timeout: Duration::from_secs(function.timeout),
            limit: SANDBOXES_PER_FUNCTION,
            requests_per_sandbox: settings.requests_per_sandbox,
        };
        pools.insert(name.clone(), Arc::new(Pool::new(pool, api.clone())));
    }
    Ok(pools)
}

/// Two stacks over one state would write over each other's. The lock goes with the process.
fn lock_file(folder: &Path, name: &str) -> Result<File, StackError> {
    let file = File::create(folder.join(name))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StackError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
