//! `make dev`: serves the functions. What it does is in `lib.rs`.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
};

use latchkey_config::{Environment, variables_of};
use local::{
    gateway::Gateway,
    options::{DEFAULT_STATE, Options, USAGE},
    stack::{Stack, StackSettings},
    tables,
    template::{Parameters, Template},
};
use tokio::{net::TcpListener, signal::unix};

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

#[expect(clippy::print_stdout, reason = "whoever started it waits for the addresses")]
async fn serve(options: Options) -> Result<(), Box<dyn Error>> {
    let binaries = match &options.functions {
        Some(folder) => folder.clone(),
        None => find_functions(options.release)?,
    };
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .map_err(|error| format!("port {} cannot be used: {error}", options.port))?;
    let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    let template = read_template(&options, &url)?;
    for function in template.functions.values() {
        Environment::check_text(&variables_of(&function.binary))?;
    }

    let state = options.state.as_deref();
    if let Some(folder) = state {
        fs::create_dir_all(folder)?;
    }
    let dynamodb_url = match options.dynamodb_endpoint {
        Some(endpoint) => endpoint,
        None => tables::start_engine(state).await?,
    };
    tables::make_tables(&dynamodb_url, &template.tables).await?;
    let settings = StackSettings {
        template: &template,
        binaries: &binaries,
        dynamodb_url: &dynamodb_url,
        state,
        notice: Some(Path::new(DEFAULT_STATE)),
        given: &given,
        requests_per_sandbox: options.requests_per_sandbox,
    };
    let stack = Stack::start(&settings).await?;
    println!("dynamodb {dynamodb_url}");
    println!("aws {}", stack.aws_url);
    print!("{}", hints(state, &stack.aws_url));

    let (mut interrupt, mut terminate, mut hang_up) = (
        unix::signal(unix::SignalKind::interrupt())?,
        unix::signal(unix::SignalKind::terminate())?,
        unix::signal(unix::SignalKind::hangup())?,
    );
    let outcome = tokio::select! {
        outcome = serve_gateway(&stack, template, listener) => outcome,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    };
    stack.stop().await;
    outcome
}

/// How other programs get at what runs here.
fn hints(state: Option<&Path>, aws_url: &str) -> String {
    let Some(folder) = state else {
        return format!("the latchkey program finds this stack with --local={aws_url}\n");
    };
    let folder = folder.display();
    format!(
        "one event: . {folder}/env; cargo lambda watch; \
         cargo lambda invoke login --data-file events/login.json\n\
         one event in Docker: sam local invoke LoginFunction -e events/login.json \
         --env-vars {folder}/env.json --docker-network host\n"
    )
}

#[expect(clippy::print_stdout, reason = "whoever started it waits for the address")]
async fn serve_gateway(
    stack: &Stack,
    template: Template,
    listener: TcpListener,
) -> Result<(), Box<dyn Error>> {
    stack.make_ring().await?;
    println!("ready http://127.0.0.1:{}", listener.local_addr()?.port());
    let base_path = base_path(&template);
    let gateway = Arc::new(Gateway::new(template, stack.functions.clone(), base_path));
    Ok(gateway.serve(listener).await?)
}

#[expect(clippy::disallowed_methods, reason = "its variables take the place of the template's")]
fn given(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// What the functions expect in front of their paths.
fn base_path(template: &Template) -> String {
    const BASE_PATH: &str = "BASE_PATH";
    let set = || template.functions.values().find_map(|function| function.variables.get(BASE_PATH));
    given(BASE_PATH).or_else(|| set().cloned()).unwrap_or_default()
}

/// Where the functions are: beside this program, which was built with them, or where an optimised
/// build puts them.
fn find_functions(release: bool) -> Result<PathBuf, Box<dyn Error>> {
    let beside = env::current_exe()?.parent().ok_or("this program is in no folder")?.to_owned();
    if !release {
        return Ok(beside);
    }
    let built = Command::new(env!("CARGO")).args(["build", "--release"]).status()?;
    if !built.success() {
        return Err("the functions could not be built".into());
    }
    Ok(beside.with_file_name("release"))
}

/// Reads the template for this machine: tokens are issued under the local URL.
fn read_template(options: &Options, url: &str) -> Result<Template, Box<dyn Error>> {
    let text = fs::read_to_string(&options.template)
        .map_err(|error| format!("{}: {error}", options.template.display()))?;
    let mut parameters = Parameters::from([("Issuer".to_owned(), url.to_owned())]);
    parameters.extend(options.parameters.clone());
    let mut template = Template::parse(&text, &parameters)?;
    if let Some(timeout) = options.timeout {
        template.functions.values_mut().for_each(|function| function.timeout = timeout);
    }
    Ok(template)
}
