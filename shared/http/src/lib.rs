#![doc = include_str!("../README.md")]

mod attempts;
mod audit;
mod body;
mod edge;
mod error;
mod error_kind;
mod event;
pub mod fields;
mod lenient;
mod logging;
mod path;
mod response;
mod routes;
mod serve;
mod sessions;
mod start_error;

pub use attempts::AttemptLimits;
pub use audit::{AuditEvent, OperatorAction, audit, audit_operator};
pub use body::JsonBody;
pub use edge::{EDGE_SECRET_HEADER, TrustedEdge};
pub use error::{ApiError, Cause, ErrorShape};
pub use error_kind::ErrorKind;
pub use event::{RequestContext, header_value};
pub use lenient::Lenient;
pub use logging::{LogSettings, start_logging};
pub use response::{add_common_headers, empty, json, rfc3339};
pub use routes::{Route, route};
pub use serve::{
    DEFAULT_MESSAGE_KEY, FLASK_JWT_PATH, GatewayAnswer, HttpSettings, answer, answer_with, in_time,
    log_error, run,
};
pub use sessions::{client, new_session, start_session};
pub use start_error::StartError;
