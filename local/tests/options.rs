//! The command line.
#![cfg(test)]

use std::{num::NonZeroU32, path::Path};

use clap::Parser as _;
use local::options::Options;

fn parse(line: &str) -> Result<Options, clap::Error> {
    Options::try_parse_from(format!("local {line}").split_whitespace())
}

#[test]
fn every_option_is_read() {
    let options = parse(
        "--port 4000 --state memory --dynamodb-endpoint http://127.0.0.1:8000 --release \
         --functions bin --template t.yaml --timeout 9 --requests-per-sandbox 3 \
         --parameter A=b=c --parameter D=",
    )
    .unwrap();
    assert_eq!((options.port, options.state(), options.release), (4000, None, true));
    assert_eq!(options.dynamodb_endpoint.as_deref(), Some("http://127.0.0.1:8000"));
    assert_eq!(options.functions.as_deref(), Some(Path::new("bin")));
    assert_eq!(options.template, Path::new("t.yaml"));
    assert_eq!(options.timeout, Some(9));
    assert_eq!(options.requests_per_sandbox, NonZeroU32::new(3));
    let parameters = [("A", "b=c"), ("D", "")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(options.parameters, parameters);
}

#[test]
fn the_defaults_serve_the_project_and_the_last_value_of_an_option_wins() {
    let options = parse("").unwrap();
    assert_eq!((options.port, options.state()), (3000, Some(Path::new(".local"))));
    assert_eq!((options.template.as_path(), options.release), (Path::new("template.yaml"), false));
    assert_eq!(parse("--port 1 --port 2").unwrap().port, 2);
}

#[test]
fn invalid_arguments_are_refused() {
    for line in [
        "--prot 1",
        "--port",
        "--port x",
        "--port 70000",
        "up",
        "--parameter A",
        "--requests-per-sandbox 0",
    ] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
    }
    for line in ["--help", "-h"] {
        assert_eq!(parse(line).unwrap_err().exit_code(), 0, "{line}");
    }
}
