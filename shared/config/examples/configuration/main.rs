//! Prints `docs/configuration.md`.

mod page;

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn main() -> Result<(), serde_yaml_ng::Error> {
    print!("{}", page::page()?);
    Ok(())
}
