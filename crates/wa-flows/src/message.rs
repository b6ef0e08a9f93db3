//! The messages inside the encryption: the phone's request and the response to it.

mod error_notification;
mod exact;
mod request;
mod response;

pub use error_notification::ErrorNotification;
pub use request::{Action, DataError, FlowRequest, NotAFlowRequest};
pub use response::{FlowResponse, ResponseError, SchemaError};
