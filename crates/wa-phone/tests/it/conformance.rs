//! The conformance check against a correct endpoint, and against endpoints with one fault each.

mod canary;
mod correct;
mod endpoint;
mod fault;
mod faults;
mod field;
mod python;
mod signature;
