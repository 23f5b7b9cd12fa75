//! Secrets, and which function rotates each.

use std::collections::BTreeMap;

use auth_token::OperationId;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Function, TemplateError, intrinsics, of_type, properties::properties, unsupported};

/// A secret of Secrets Manager.
#[derive(Clone, Debug)]
pub struct Secret {
    /// What it holds at first, if anything.
    pub initial: Option<SecretString>,
    /// The logical name of the function that rotates it, if one does.
    pub rotated_by: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SecretProperties {
    secret_string: Option<SecretString>,
    generate_secret_string: Option<Generated>,
}

/// A JSON object with a random member, or a random text.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Generated {
    secret_string_template: Option<String>,
    generate_string_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RotationProperties {
    secret_id: String,
    #[serde(rename = "RotationLambdaARN")]
    function_arn: String,
}

impl Generated {
    fn generate(&self) -> Result<SecretString, String> {
        let random = OperationId::generate().map_err(|error| error.to_string())?;
        let text = match (&self.secret_string_template, &self.generate_string_key) {
            (None, None) => random.to_string(),
            (Some(template), Some(key)) => {
                let mut object: Map<_, _> = serde_json::from_str(template)
                    .map_err(|error| format!("SecretStringTemplate is no JSON object: {error}"))?;
                object.insert(key.clone(), random.to_string().into());
                Value::Object(object).to_string()
            }
            _ => return Err("SecretStringTemplate and GenerateStringKey go together".to_owned()),
        };
        Ok(SecretString::from(text))
    }
}

/// The secrets of the template by logical name.
pub(super) fn read_secrets(
    resources: &BTreeMap<String, Value>,
    functions: &BTreeMap<String, Function>,
) -> Result<BTreeMap<String, Secret>, TemplateError> {
    let mut secrets = BTreeMap::new();
    for (name, resource) in of_type(resources, "AWS::SecretsManager::Secret") {
        let secret: SecretProperties = properties(name, resource, &Value::Null)?;
        let generated = secret.generate_secret_string.as_ref().map(Generated::generate);
        let generated = generated.transpose().map_err(|problem| unsupported(name, problem))?;
        let initial = secret.secret_string.or(generated);
        secrets.insert(name.clone(), Secret { initial, rotated_by: None });
    }
    for (name, resource) in of_type(resources, "AWS::SecretsManager::RotationSchedule") {
        let rotation: RotationProperties = properties(name, resource, &Value::Null)?;
        let function = intrinsics::resource_of_arn(&rotation.function_arn);
        if !functions.contains_key(function) {
            return Err(unsupported(name, format!("{function} is no function of the template")));
        }
        let secret = secrets.get_mut(&rotation.secret_id).ok_or_else(|| {
            unsupported(name, format!("{} is no secret of the template", rotation.secret_id))
        })?;
        secret.rotated_by = Some(function.to_owned());
    }
    Ok(secrets)
}
