//! A running emulator and its operations.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::builder::EmulatorBuilder;
use crate::fault::FaultRule;
use crate::graph::WireShape;
use crate::log::ReceivedRequest;
use crate::shared::Shared;
use crate::world::{
    AccountSpec, AppSpec, BusinessSpec, ControlError, NumberSpec, NumberState, NumberView, RateLimits,
    TokenSpec,
};

/// A local Graph API that serves until it is shut down or dropped.
///
/// ```
/// use wa_emulator::{Emulator, FaultRule, Fault};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Emulator::builder().start().await?;
/// println!("serving at {}", emulator.base_url());
/// emulator.queue_fault(FaultRule::new(Fault::BadGateway));
/// emulator.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct Emulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl Emulator {
    /// Returns the configuration of an emulator with one business, one account, one number, one app and one
    /// token, on any free port.
    pub fn builder() -> EmulatorBuilder {
        EmulatorBuilder::new()
    }

    pub(crate) fn new(
        address: SocketAddr,
        shared: Arc<Shared>,
        stop: watch::Sender<()>,
        task: JoinHandle<()>,
    ) -> Self {
        Self {
            address,
            shared,
            stop,
            task,
        }
    }

    /// Returns the base URL of the Graph API, without a version and a trailing slash:
    /// `http://127.0.0.1:49152`.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// Returns the address that the emulator listens on, with the actual port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Adds a business and returns its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id.
    pub fn add_business(&self, business: &BusinessSpec) -> Result<String, ControlError> {
        self.shared.state().world.add_business(business)
    }

    /// Adds a WhatsApp Business account and returns its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id, or a business does not exist.
    pub fn add_account(&self, account: &AccountSpec) -> Result<String, ControlError> {
        self.shared.state().world.add_account(account)
    }

    /// Adds a phone number and returns its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id, or the account does not exist.
    pub fn add_number(&self, number: &NumberSpec) -> Result<String, ControlError> {
        self.shared.state().world.add_number(number)
    }

    /// Adds `count` registered numbers to `account` and returns their ids, in the order of the account's
    /// list.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the account does not exist.
    pub fn add_numbers(&self, account: &str, count: usize) -> Result<Vec<String>, ControlError> {
        self.shared.state().world.add_numbers(account, count)
    }

    /// Removes a number, as if it had never existed.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it does not exist.
    pub fn remove_number(&self, id: &str) -> Result<(), ControlError> {
        self.shared.state().world.remove_number(id)
    }

    /// Returns the state of a number.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it does not exist.
    pub fn number(&self, id: &str) -> Result<NumberView, ControlError> {
        self.shared.state().world.number(id)
    }

    /// Re-registers a number: its key stays, with the status MISMATCH until the next upload.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the number does not exist.
    pub fn reregister_number(&self, id: &str) -> Result<(), ControlError> {
        self.shared.state().world.reregister_number(id)
    }

    /// Sets the state of a number, which decides whether a key can be set for it.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the number does not exist.
    pub fn set_number_state(&self, id: &str, state: NumberState) -> Result<(), ControlError> {
        self.shared.state().world.set_number_state(id, state)
    }

    /// Sets a number's key, as an upload by another client would, or removes it.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the number does not exist, or the key is not valid for an upload.
    pub fn set_number_key(&self, id: &str, pem: Option<&str>) -> Result<(), ControlError> {
        self.shared.state().world.set_number_key(id, pem)
    }

    /// Adds a Meta app.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id.
    pub fn add_app(&self, app: &AppSpec) -> Result<(), ControlError> {
        self.shared.state().world.add_app(app)
    }

    /// Turns the setting "Require App Secret" of an app on or off.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the app does not exist.
    pub fn require_proof(&self, app: &str, require: bool) -> Result<(), ControlError> {
        self.shared.state().world.require_proof(app, require)
    }

    /// Issues an access token.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the label or the token is in use, or its app or an account does not exist.
    pub fn add_token(&self, token: &TokenSpec) -> Result<(), ControlError> {
        self.shared.state().world.add_token(token)
    }

    /// Expires a token: calls with it get code 190 with subcode 463.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label.
    pub fn expire_token(&self, label: &str) -> Result<(), ControlError> {
        self.shared.state().world.expire_token(label)
    }

    /// Revokes a token: calls with it get code 190 with subcode 467.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label.
    pub fn revoke_token(&self, label: &str) -> Result<(), ControlError> {
        self.shared.state().world.revoke_token(label)
    }

    /// Removes a permission from a token: calls that need it get code 10.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label.
    pub fn drop_permission(&self, label: &str, scope: &str) -> Result<(), ControlError> {
        self.shared.state().world.drop_permission(label, scope)
    }

    /// Grants a permission to a token.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label.
    pub fn grant_permission(&self, label: &str, scope: &str) -> Result<(), ControlError> {
        self.shared.state().world.grant_permission(label, scope)
    }

    /// Limits a token to these accounts (calls to others get code 200); `None` lifts the limit.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label, or an account does not exist.
    pub fn restrict_token(&self, label: &str, accounts: Option<Vec<String>>) -> Result<(), ControlError> {
        self.shared.state().world.restrict_token(label, accounts)
    }

    /// Sets the rate limits and resets their counters.
    pub fn set_rate_limits(&self, limits: RateLimits) {
        self.shared.state().world.limits.set(limits);
    }

    /// Sets the shapes of responses where Meta's sources disagree.
    pub fn set_wire_shape(&self, shape: WireShape) {
        self.shared.state().shape = shape;
    }

    /// Adds a fault; the oldest rule that matches a call applies to it.
    pub fn queue_fault(&self, rule: FaultRule) {
        self.shared.state().faults.push(rule);
    }

    /// Returns the fault rules that are not used up.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.shared.state().faults.rules().to_vec()
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// Returns the received Graph calls, oldest first; secrets are replaced by labels.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.state().log.entries()
    }

    /// Clears the request log.
    pub fn clear_requests(&self) {
        self.shared.state().log.clear();
    }

    /// Restores the state right after the start.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Stops listening, waits for in-flight calls (at most two seconds), and returns when all connections are
    /// closed.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        let _ = (&mut self.task).await;
    }

    /// Serves until Ctrl-C, or SIGTERM on Unix, then shuts down.
    ///
    /// # Errors
    ///
    /// The system's error if signals cannot be received.
    pub async fn run_until_signal(self) -> std::io::Result<()> {
        crate::signal::terminated().await?;
        self.shutdown().await;
        Ok(())
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.task.abort();
    }
}
