//! `docs/configuration.md` is generated from the descriptions of the variables.
#![cfg(test)]

#[path = "../examples/configuration/page.rs"]
mod page;

use latchkey_config::SECTIONS;
use serde_yaml_ng::Value;

#[test]
fn the_page_is_up_to_date() {
    assert!(
        page::PAGE == page::page().unwrap(),
        "docs/configuration.md differs: change the descriptions and run `make configuration-docs`"
    );
}

#[test]
fn defaults_and_bounds_equal_those_of_the_template() {
    let template: Value = serde_yaml_ng::from_str(page::TEMPLATE).unwrap();
    let parameters = page::parameters(&template);
    let variables = SECTIONS.iter().flat_map(|(_, variables)| *variables);
    let mut compared = 0;
    for variable in variables {
        let Some(name) = parameters.get(variable.name) else { continue };
        let parameter = &template["Parameters"][name.as_str()];
        let number = |member: &str| parameter[member].as_u64().map(|number| number.to_string());
        let text = parameter["Default"].as_str().filter(|text| !text.is_empty());
        if let Some(default) = number("Default").or(text.map(str::to_owned)) {
            assert_eq!(variable.default, Some(default.as_str()), "{name}");
            compared += 1;
        }
        if let Some((least, most)) = number("MinValue").zip(number("MaxValue")) {
            let bounds = format!("{least} to {most}");
            assert!(page::values(variable).ends_with(&bounds), "{name}: {bounds}");
            compared += 1;
        }
    }
    assert!(compared > 20, "{compared}");
}
