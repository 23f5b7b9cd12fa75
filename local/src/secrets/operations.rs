//! The operations as they come over the wire (AWS JSON 1.1).

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{SecretError, Secrets, name_of, versions::CURRENT};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeSecret {
    secret_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
    version_id: Option<String>,
    version_stage: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutSecretValue {
    secret_id: String,
    client_request_token: String,
    secret_string: SecretString,
    version_stages: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateSecretVersionStage {
    secret_id: String,
    version_stage: String,
    remove_from_version_id: Option<String>,
    move_to_version_id: Option<String>,
}

impl Secrets {
    /// Answers any operation but `RotateSecret`, which takes a function.
    ///
    /// # Errors
    /// Every variant of [`SecretError`].
    pub(crate) fn answer(&self, operation: &str, request: &[u8]) -> Result<Value, SecretError> {
        match operation {
            "DescribeSecret" => self.describe(&read_request(request)?),
            "GetSecretValue" => self.get_value(&read_request(request)?),
            "PutSecretValue" => self.put_value(read_request(request)?),
            "UpdateSecretVersionStage" => self.update_stage(&read_request(request)?),
            _ => Err(SecretError::UnknownOperation(operation.to_owned())),
        }
    }

    fn describe(&self, request: &DescribeSecret) -> Result<Value, SecretError> {
        let name = name_of(&request.secret_id);
        let function = self.rotated_by(name);
        self.read(name, |versions| {
            Ok(json!({
                "ARN": name,
                "Name": name,
                "RotationEnabled": function.is_some(),
                "RotationLambdaARN": function,
                "VersionIdsToStages": versions.stages(),
            }))
        })
    }

    fn get_value(&self, request: &GetSecretValue) -> Result<Value, SecretError> {
        let name = name_of(&request.secret_id);
        self.read(name, |versions| {
            let (id, stage) = (request.version_id.as_deref(), request.version_stage.as_deref());
            let (version, value) = versions.get(id, stage)?;
            Ok(json!({
                "ARN": name,
                "Name": name,
                "VersionId": version.id,
                "VersionStages": version.stages,
                "SecretString": value.expose_secret(),
            }))
        })
    }

    fn put_value(&self, request: PutSecretValue) -> Result<Value, SecretError> {
        let PutSecretValue { secret_id, client_request_token, secret_string, version_stages } =
            request;
        let name = name_of(&secret_id);
        let stages = version_stages.unwrap_or_else(|| vec![CURRENT.to_owned()]);
        self.change(name, |versions| {
            let version = versions.put(&client_request_token, secret_string, &stages)?;
            Ok(json!({
                "ARN": name,
                "Name": name,
                "VersionId": version.id,
                "VersionStages": version.stages,
            }))
        })
    }

    fn update_stage(&self, request: &UpdateSecretVersionStage) -> Result<Value, SecretError> {
        let name = name_of(&request.secret_id);
        let (from, to) = (&request.remove_from_version_id, &request.move_to_version_id);
        self.change(name, |versions| {
            versions.move_stage(&request.version_stage, from.as_deref(), to.as_deref())
        })?;
        Ok(json!({ "ARN": name, "Name": name }))
    }
}

/// Reads a request.
///
/// # Errors
/// [`SecretError::Serialization`], which says where and nothing of what was there.
pub(crate) fn read_request<'de, T: Deserialize<'de>>(request: &'de [u8]) -> Result<T, SecretError> {
    serde_json::from_slice(request).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        SecretError::Serialization(format!(
            "The request is not what the operation takes: line {line}, column {column}"
        ))
    })
}
