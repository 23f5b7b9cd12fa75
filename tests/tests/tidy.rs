//! Our own rules, as tests.
#![cfg(test)]

use std::{fs, path::PathBuf};

use latchkey_tests::{repository::read, stack::workspace};

/// Every file below the workspace with one of these endings, built things left out.
fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![workspace().canonicalize().unwrap()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                const OTHERS: [&str; 6] =
                    ["target", ".git", ".local", ".venv", ".aws-sam", "node_modules"];
                if !OTHERS.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn manifests() -> Vec<PathBuf> {
    let root = workspace().canonicalize().unwrap().join("Cargo.toml");
    files(&["Cargo.toml"]).into_iter().filter(|path| *path != root).collect()
}

#[test]
fn each_crate_opts_into_the_workspaces_lints() {
    for manifest in manifests() {
        let text = read(&manifest);
        assert!(text.contains("[lints]\nworkspace = true\n"), "{}", manifest.display());
    }
}

#[test]
fn the_testkit_is_part_of_no_function() {
    for manifest in manifests() {
        let is_of_tests = ["tests/Cargo.toml", "latchkey-testkit/Cargo.toml"];
        if !is_of_tests.iter().any(|end| manifest.ends_with(end)) {
            let text = read(&manifest);
            let shipped = text.split("[dev-dependencies]").next().unwrap();
            assert!(!shipped.contains("shared/testkit"), "{}", manifest.display());
        }
    }
}

#[test]
fn versions_are_written_once_in_the_workspace() {
    for manifest in manifests() {
        let text = read(&manifest);
        let dependencies = text.split("ependencies]").skip(1).flat_map(str::lines);
        for line in dependencies.filter(|line| line.contains('=') && !line.starts_with('[')) {
            assert!(line.contains("workspace = true"), "{}: {line}", manifest.display());
        }
    }
}

#[test]
fn what_is_packaged_is_the_functions_and_a_panic_is_no_dead_process() {
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("default-members = [\"functions/*\"]"));
    let profile = manifest.split("[profile.release]").nth(1).unwrap();
    assert!(profile.contains("panic = \"unwind\""));
    assert!(profile.contains("lto = \"fat\""));
}

#[test]
fn shared_crates_have_a_readme_that_is_their_documentation() {
    for folder in fs::read_dir(workspace().join("shared")).unwrap() {
        let folder = folder.unwrap().path();
        assert!(folder.join("README.md").exists(), "{}", folder.display());
        let library = read(folder.join("src/lib.rs"));
        assert!(library.contains("include_str!(\"../README.md\")"), "{}", folder.display());
    }
}

#[test]
fn files_are_short_enough_to_read() {
    for file in files(&[".rs"]) {
        let text = read(&file);
        let lines = text.lines().count();
        let is_main = file.ends_with("src/main.rs") && file.to_string_lossy().contains("functions");
        let limit = if is_main { 40 } else { 300 };
        let has_a_reason = text.contains("Longer than the rest because");
        assert!(lines <= limit || has_a_reason, "{}: {lines} lines", file.display());
    }
}

#[test]
fn a_functions_main_decides_nothing() {
    for folder in fs::read_dir(workspace().join("functions")).unwrap() {
        let main = read(folder.unwrap().path().join("src/main.rs"));
        for keyword in [" if ", " match ", " for ", " while "] {
            assert!(
                !main
                    .lines()
                    .any(|line| !line.trim_start().starts_with("//") && line.contains(keyword))
            );
        }
    }
}

#[test]
fn every_function_is_one_whose_log_lines_are_printed() {
    let logging = read("shared/http/src/logging.rs");
    for folder in fs::read_dir(workspace().join("functions")).unwrap() {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(logging.contains(&format!("    \"{name}\",\n")), "{name}");
    }
}

/// The files below `shared` and `functions` in which `text` stands outside tests.
fn users_of(text: &str) -> Vec<String> {
    let root = workspace().canonicalize().unwrap();
    let mut users: Vec<_> = files(&[".rs"])
        .into_iter()
        .map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
        .filter(|path| path.starts_with("shared/") || path.starts_with("functions/"))
        .filter(|path| !path.contains("/tests/") && !path.contains("shared/testkit"))
        .filter(|path| {
            let source = read(path);
            let code = source.split("#[cfg(test)]").next().unwrap();
            code.lines().any(|line| !line.trim_start().starts_with("//") && line.contains(text))
        })
        .collect();
    users.sort();
    users
}

#[test]
fn one_file_makes_error_statuses() {
    for status in ["UNAUTHORIZED", "FORBIDDEN", "CONFLICT", "INTERNAL_SERVER_ERROR"] {
        assert_eq!(users_of(status), ["shared/http/src/error.rs"], "{status}");
    }
}

#[test]
fn the_clock_is_read_in_main_only() {
    let readers = users_of("Timestamp::now()");
    assert!(readers.iter().all(|file| file.ends_with("src/main.rs")), "{readers:?}");
    // What Lambda says of a request's deadline is a moment of the real clock.
    let readers = ["shared/http/src/serve.rs", "shared/token/src/timestamp.rs"];
    assert_eq!(users_of("SystemTime::now"), readers);
}

#[test]
fn the_environment_is_read_in_one_place() {
    assert_eq!(users_of("env::var"), ["shared/config/src/environment.rs"]);
}

#[test]
fn banned_names_name_nothing() {
    for file in files(&[".rs"]) {
        let stem = file.file_stem().unwrap().to_str().unwrap();
        assert!(!["utils", "util", "common", "helpers", "misc", "types"].contains(&stem), "{stem}");
        for line in read(&file).lines() {
            let Some(name) = line.trim_start().strip_prefix("pub struct ") else { continue };
            let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap();
            for word in ["Manager", "Helper", "Util", "Service", "Handler", "Impl", "Mock"] {
                assert!(!name.contains(word), "{}: {name}", file.display());
            }
        }
    }
}

#[test]
fn nothing_is_left_for_later() {
    let later = ["TO", "DO"].concat();
    for file in files(&[".rs", ".md", ".yaml", ".toml"]) {
        assert!(!read(&file).contains(&later), "{}", file.display());
    }
}

#[test]
fn every_row_of_the_threat_model_names_tests_that_exist() {
    let sources: String = files(&[".rs"]).into_iter().map(read).collect();
    let model = read("SECURITY.md");
    let rows: Vec<_> =
        model.lines().filter(|line| line.starts_with("| ") && line.contains('`')).collect();
    assert!(rows.len() > 15, "{} rows", rows.len());
    for row in rows {
        let guards = row.rsplit('|').nth(1).unwrap();
        let names: Vec<_> = guards.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "{row}");
        for name in names {
            assert!(sources.contains(&format!("fn {name}(")), "no test {name}");
        }
    }
}
