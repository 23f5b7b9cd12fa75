//! What the function is asked.

use serde::Deserialize;
use serde_json::Value;

use crate::KeysError;

/// A question.
pub(crate) enum Event {
    /// A step of the rotation that makes this version.
    Step(Step, String),
    List,
    Rotate,
    Retire(String),
}

/// The steps of a rotation, in their order.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) enum Step {
    #[serde(rename = "createSecret")]
    Create,
    #[serde(rename = "setSecret")]
    Set,
    #[serde(rename = "testSecret")]
    Test,
    #[serde(rename = "finishSecret")]
    Finish,
}

/// What Secrets Manager sends.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct StepEvent {
    step: Step,
    secret_id: String,
    client_request_token: String,
}

/// What an operator sends.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct OperatorEvent {
    operation: Operation,
    key_id: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Operation {
    List,
    Rotate,
    Retire,
}

impl Event {
    pub(crate) fn parse(event: Value, secret_arn: &str) -> Result<Self, KeysError> {
        if event.get("Step").is_some() {
            let not_a_step = "a step of a rotation has Step, SecretId and ClientRequestToken";
            let event: StepEvent =
                serde_json::from_value(event).map_err(|_| KeysError::Event(not_a_step))?;
            // Whoever may rotate another secret with this function does not reach this one by it.
            if event.secret_id != secret_arn {
                return Err(KeysError::Event("the secret is not the one of the signing keys"));
            }
            return Ok(Self::Step(event.step, event.client_request_token));
        }
        let expected = "expected a Step, or an Operation: list, rotate or retire";
        let event: OperatorEvent =
            serde_json::from_value(event).map_err(|_| KeysError::Event(expected))?;
        match (event.operation, event.key_id) {
            (Operation::List, None) => Ok(Self::List),
            (Operation::Rotate, None) => Ok(Self::Rotate),
            (Operation::Retire, Some(kid)) => Ok(Self::Retire(kid)),
            (Operation::Retire, None) => Err(KeysError::Event("retire needs a KeyId")),
            (Operation::List | Operation::Rotate, Some(_)) => {
                Err(KeysError::Event("only retire takes a KeyId"))
            }
        }
    }
}
