//! What is said inside the encryption: the request of the phone and the response to it.

mod exact;
mod notice;
mod request;
mod response;

pub use notice::ErrorNotice;
pub use request::{Action, DataError, FlowRequest, NotAFlowRequest};
pub use response::{FlowResponse, ResponseError, SchemaError};
