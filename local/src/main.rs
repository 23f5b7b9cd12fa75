//! `make dev`: serves the system on this machine.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
};

use clap::Parser as _;
use latchkey_config::Environment;
use local::{
    gateway::HttpGateway,
    options::{DEFAULT_STATE, Options},
    stack::{LocalStack, StackSettings},
    tables,
    template::{Parameters, Template},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

#[tokio::main]
#[expect(clippy::print_stderr, reason = "this is a command-line program")]
async fn main() -> ExitCode {
    match serve(&Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "the caller waits for the addresses")]
async fn serve(options: &Options) -> Result<(), Box<dyn Error>> {
    let binaries = match &options.functions {
        Some(folder) => folder.clone(),
        None => find_functions(options.release)?,
    };
    let listener = TcpListener::bind(("127.0.0.1", options.port))
        .await
        .map_err(|error| format!("port {} cannot be used: {error}", options.port))?;
    let url = format!("http://127.0.0.1:{}", listener.local_addr()?.port());
    let template = read_template(options, &url)?;
    // `given` treats a value that is not UTF-8 as missing.
    Environment::load()?;

    let state = options.state();
    if let Some(folder) = state {
        fs::create_dir_all(folder)?;
    }
    let dynamodb_url = match &options.dynamodb_endpoint {
        Some(endpoint) => endpoint.clone(),
        None => tables::start_engine(state).await?,
    };
    tables::make_tables(&dynamodb_url, &template.tables).await?;
    let settings = StackSettings {
        template: &template,
        binaries: &binaries,
        dynamodb_url: &dynamodb_url,
        state,
        endpoint_folder: Some(Path::new(DEFAULT_STATE)),
        given: &given,
        requests_per_sandbox: options.requests_per_sandbox,
    };
    let stack = LocalStack::start(&settings).await?;
    println!("dynamodb {dynamodb_url}");
    println!("aws {}", stack.aws_url);
    print!("{}", hints(state, &stack.aws_url));

    let run = async {
        stack.make_ring().await?;
        println!("ready {url}");
        let base_path = base_path(&template);
        let gateway = HttpGateway::new(template, stack.functions.clone(), base_path);
        Ok(Arc::new(gateway).serve(listener).await?)
    };
    let outcome = tokio::select! {
        outcome = run => outcome,
        outcome = stop_signal() => outcome.map_err(Into::into),
    };
    stack.stop().await;
    outcome
}

async fn stop_signal() -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}

/// The lines that explain how other programs reach this stack.
fn hints(state: Option<&Path>, aws_url: &str) -> String {
    let Some(folder) = state else {
        return format!("latchkey reaches this stack with --local={aws_url}\n");
    };
    let folder = folder.display();
    format!(
        "one event: . {folder}/env; cargo lambda watch; \
         cargo lambda invoke login --data-file events/login.json\n\
         one event in Docker: sam local invoke LoginFunction -e events/login.json \
         --env-vars {folder}/env.json --docker-network host\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "its variables override the template's")]
fn given(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The base path that the functions are configured with.
fn base_path(template: &Template) -> String {
    const BASE_PATH: &str = "BASE_PATH";
    let set = || template.functions.values().find_map(|function| function.variables.get(BASE_PATH));
    given(BASE_PATH).or_else(|| set().cloned()).unwrap_or_default()
}

/// The folder of the functions: this program's own, or with `--release` that of a release build, which
/// this runs first.
fn find_functions(release: bool) -> Result<PathBuf, Box<dyn Error>> {
    let own = env::current_exe()?.parent().ok_or("this program is in no folder")?.to_owned();
    if !release {
        return Ok(own);
    }
    let built = Command::new(env!("CARGO")).args(["build", "--release"]).status()?;
    if !built.success() {
        return Err("the functions could not be built".into());
    }
    Ok(own.with_file_name("release"))
}

/// Reads the template with the local URL as issuer.
fn read_template(options: &Options, url: &str) -> Result<Template, Box<dyn Error>> {
    let text = fs::read_to_string(&options.template)
        .map_err(|error| format!("{}: {error}", options.template.display()))?;
    let mut parameters = Parameters::from([("Issuer".to_owned(), url.to_owned())]);
    parameters.extend(options.parameters.iter().cloned());
    let mut template = Template::parse(&text, &parameters)?;
    if let Some(timeout) = options.timeout {
        template.functions.values_mut().for_each(|function| function.timeout = timeout);
    }
    Ok(template)
}
