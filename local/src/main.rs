//! `make dev`: serves the functions. What it does is in `lib.rs`.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command as BuildCommand, ExitCode},
    sync::Arc,
    time::Duration,
};

use auth_token::Algorithm;
use local::{
    environment::Environments,
    gateway::Gateway,
    keys,
    options::{Options, USAGE},
    sandbox::{Command, Pool, PoolSettings, RuntimeApi},
    tables,
    template::{Parameters, Template},
};
use tokio::{net::TcpListener, signal::unix};

/// How many requests one function handles at once.
const SANDBOXES_PER_FUNCTION: usize = 32;

#[tokio::main]
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "this is a command-line program")]
async fn main() -> ExitCode {
    let options = match Options::parse(env::args_os().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprint!("{error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "whoever started it waits for the address")]
async fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let functions = match &options.functions {
        Some(folder) => folder.clone(),
        None => find_functions(options.release)?,
    };
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .map_err(|error| format!("port {} cannot be used: {error}", options.port))?;
    let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    let template = read_template(&options, &url)?;

    let state = options.state.as_deref();
    if let Some(folder) = state {
        fs::create_dir_all(folder)?;
    }
    let dynamodb = match options.dynamodb_endpoint {
        Some(endpoint) => endpoint,
        None => tables::start_engine(state).await?,
    };
    tables::make_tables(&dynamodb, &template.tables).await?;
    let pools = start_pools(&template, &functions, &dynamodb, state).await?;

    let gateway = Arc::new(Gateway::new(template, pools.clone()));
    println!("ready {url}");
    let (mut interrupt, mut terminate) = (
        unix::signal(unix::SignalKind::interrupt())?,
        unix::signal(unix::SignalKind::terminate())?,
    );
    tokio::select! {
        served = gateway.serve(listener) => served?,
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    for pool in pools.values() {
        pool.stop().await;
    }
    Ok(())
}

/// Where the functions are: beside this program, which was built with them, or where an optimised
/// build puts them.
fn find_functions(release: bool) -> Result<PathBuf, Box<dyn Error>> {
    let beside = env::current_exe()?.parent().ok_or("this program is in no folder")?.to_owned();
    if !release {
        return Ok(beside);
    }
    let built = BuildCommand::new(env!("CARGO")).args(["build", "--release"]).status()?;
    if !built.success() {
        return Err("the functions could not be built".into());
    }
    Ok(beside.with_file_name("release"))
}

/// Reads the template for this machine: tokens are issued under the local URL, and there is no
/// secret to read keys from.
fn read_template(options: &Options, url: &str) -> Result<Template, Box<dyn Error>> {
    let text = fs::read_to_string(&options.template)
        .map_err(|error| format!("{}: {error}", options.template.display()))?;
    let mut parameters = Parameters::from([
        ("Issuer".to_owned(), url.to_owned()),
        ("SigningKeysSecretArn".to_owned(), "local".to_owned()),
    ]);
    parameters.extend(options.parameters.clone());
    let mut template = Template::parse(&text, &parameters)?;
    if let Some(timeout) = options.timeout {
        template.functions.values_mut().for_each(|function| function.timeout = timeout);
    }
    Ok(template)
}

type Pools = std::collections::BTreeMap<String, Arc<Pool>>;

#[expect(clippy::disallowed_methods, reason = "its variables take the place of the template's")]
async fn start_pools(
    template: &Template,
    binaries: &Path,
    dynamodb: &str,
    state: Option<&Path>,
) -> Result<Pools, Box<dyn Error>> {
    let given = |name: &str| env::var(name).ok();
    let algorithm = given("JWT_ALGORITHM").and_then(|name| Algorithm::parse(&name));
    let keys = keys::load_or_make(state, algorithm.unwrap_or(Algorithm::Es256))?;
    let environments = Environments { given: &given, keys: &keys };
    let api = RuntimeApi::start().await?;
    let mut pools = Pools::new();
    for (name, function) in &template.functions {
        let mut variables = environments.of(function);
        variables.insert("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.to_owned());
        if let Some(level) = given("AWS_LAMBDA_LOG_LEVEL") {
            variables.insert("AWS_LAMBDA_LOG_LEVEL".to_owned(), level);
        }
        let binary = binaries.join(&function.binary);
        if !binary.exists() {
            return Err(format!("{name}: there is no {}", binary.display()).into());
        }
        let command =
            Command { name: function.binary.clone(), binary, memory: function.memory, variables };
        let settings = PoolSettings {
            command,
            timeout: Duration::from_secs(function.timeout),
            limit: SANDBOXES_PER_FUNCTION,
        };
        pools.insert(name.clone(), Arc::new(Pool::new(settings, api.clone())));
    }
    Ok(pools)
}
