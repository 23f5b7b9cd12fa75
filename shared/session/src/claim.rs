//! Claims as the users table stores them.

use serde_json::{Number, Value};

/// Levels of a claim. DynamoDB has 32 for the whole item.
const MAX_CLAIM_DEPTH: usize = 16;

/// A claim as DynamoDB returns it: `1.0` is `1`. `None` if DynamoDB would refuse it or return it with
/// other digits: for an empty name, more than 16 levels, or a number that is neither a 64-bit integer
/// nor between 0.0001 and 10^15.
pub fn storable_claim(claim: &Value) -> Option<Value> {
    storable(claim, MAX_CLAIM_DEPTH)
}

fn storable(claim: &Value, depth: usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    match claim {
        Value::Null | Value::Bool(_) | Value::String(_) => Some(claim.clone()),
        Value::Number(number) => storable_number(number).map(Value::Number),
        Value::Array(items) => items.iter().map(|item| storable(item, depth)).collect(),
        Value::Object(members) => {
            let storable = |(name, value): (&String, _)| {
                let name = Some(name).filter(|name| !name.is_empty())?;
                Some((name.clone(), storable(value, depth)?))
            };
            members.iter().map(storable).collect::<Option<_>>().map(Value::Object)
        }
    }
}

fn storable_number(number: &Number) -> Option<Number> {
    if number.is_i64() || number.is_u64() {
        return Some(number.clone());
    }
    let float = number.as_f64().filter(|float| float.abs() < 1e15)?;
    if float.fract() == 0.0 {
        #[expect(clippy::cast_possible_truncation, reason = "below 10^15 it is exact")]
        return Some((float as i64).into());
    }
    (float.abs() >= 1e-4).then(|| number.clone())
}
