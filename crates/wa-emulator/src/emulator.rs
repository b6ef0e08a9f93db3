//! A running emulator and everything that can be done to it.

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

/// A local Graph API, serving until it is shut down or dropped.
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
    /// An emulator with one business, one account, one number, one app and one token, on any free port.
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

    /// Where Graph is, without a version and without a slash at the end: `http://127.0.0.1:49152`.
    pub fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    /// The address that is listened on, with the port that was found.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Adds a business and gives its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the id is taken or is no Graph id.
    pub fn add_business(&self, business: &BusinessSpec) -> Result<String, ControlError> {
        self.shared.state().world.add_business(business)
    }

    /// Adds a WhatsApp Business account and gives its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the id is taken or is no Graph id, or a business is not there.
    pub fn add_account(&self, account: &AccountSpec) -> Result<String, ControlError> {
        self.shared.state().world.add_account(account)
    }

    /// Adds a phone number and gives its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the id is taken or is no Graph id, or the account is not there.
    pub fn add_number(&self, number: &NumberSpec) -> Result<String, ControlError> {
        self.shared.state().world.add_number(number)
    }

    /// Adds `count` registered numbers to `account` and gives their ids, in the order of the account's list.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the account is not there.
    pub fn add_numbers(&self, account: &str, count: usize) -> Result<Vec<String>, ControlError> {
        self.shared.state().world.add_numbers(account, count)
    }

    /// Takes a number away, as if it had never been there.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when it is not there.
    pub fn remove_number(&self, id: &str) -> Result<(), ControlError> {
        self.shared.state().world.remove_number(id)
    }

    /// What is known of a number.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when it is not there.
    pub fn number(&self, id: &str) -> Result<NumberView, ControlError> {
        self.shared.state().world.number(id)
    }

    /// Registers a number again: its key stays, with the status MISMATCH until the next upload.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the number is not there.
    pub fn reregister_number(&self, id: &str) -> Result<(), ControlError> {
        self.shared.state().world.reregister_number(id)
    }

    /// Sets whether a key can be set for a number.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the number is not there.
    pub fn set_number_state(&self, id: &str, state: NumberState) -> Result<(), ControlError> {
        self.shared.state().world.set_number_state(id, state)
    }

    /// Puts a key in place as somebody else's upload would, or takes away the one that is there.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the number is not there or the key would not pass an upload.
    pub fn set_number_key(&self, id: &str, pem: Option<&str>) -> Result<(), ControlError> {
        self.shared.state().world.set_number_key(id, pem)
    }

    /// Adds a Meta app.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the id is taken or is no Graph id.
    pub fn add_app(&self, app: &AppSpec) -> Result<(), ControlError> {
        self.shared.state().world.add_app(app)
    }

    /// Turns an app's "Require App Secret" on or off.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the app is not there.
    pub fn require_proof(&self, app: &str, require: bool) -> Result<(), ControlError> {
        self.shared.state().world.require_proof(app, require)
    }

    /// Issues an access token.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when the label or the token is taken, or its app or an account is not there.
    pub fn add_token(&self, token: &TokenSpec) -> Result<(), ControlError> {
        self.shared.state().world.add_token(token)
    }

    /// Lets a token expire: code 190 with subcode 463 from now on.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when no token has this label.
    pub fn expire_token(&self, label: &str) -> Result<(), ControlError> {
        self.shared.state().world.expire_token(label)
    }

    /// Revokes a token: code 190 with subcode 467 from now on.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when no token has this label.
    pub fn revoke_token(&self, label: &str) -> Result<(), ControlError> {
        self.shared.state().world.revoke_token(label)
    }

    /// Takes a permission away from a token: code 10 where it is needed.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when no token has this label.
    pub fn drop_permission(&self, label: &str, scope: &str) -> Result<(), ControlError> {
        self.shared.state().world.drop_permission(label, scope)
    }

    /// Gives a token a permission.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when no token has this label.
    pub fn grant_permission(&self, label: &str, scope: &str) -> Result<(), ControlError> {
        self.shared.state().world.grant_permission(label, scope)
    }

    /// Limits a token to these accounts (code 200 elsewhere), or lets it reach all of them again.
    ///
    /// # Errors
    ///
    /// [`ControlError`] when no token has this label, or an account is not there.
    pub fn restrict_token(&self, label: &str, accounts: Option<Vec<String>>) -> Result<(), ControlError> {
        self.shared.state().world.restrict_token(label, accounts)
    }

    /// Sets the rate limits and begins to count anew.
    pub fn set_rate_limits(&self, limits: RateLimits) {
        self.shared.state().world.limits.set(limits);
    }

    /// Sets the shapes of answers where Meta's sources disagree.
    pub fn set_wire_shape(&self, shape: WireShape) {
        self.shared.state().shape = shape;
    }

    /// Lets something go wrong; the oldest rule that matches a call strikes it.
    pub fn queue_fault(&self, rule: FaultRule) {
        self.shared.state().faults.push(rule);
    }

    /// The rules that have not been used up.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.shared.state().faults.rules().to_vec()
    }

    /// Forgets all rules.
    pub fn clear_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// What was received on the Graph side, oldest first; secrets are replaced by labels.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.state().log.entries()
    }

    /// Forgets what was received.
    pub fn clear_requests(&self) {
        self.shared.state().log.clear();
    }

    /// Makes everything as it was right after the start.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Stops to listen, lets the calls under way end (two seconds at most), and returns when all is closed.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(());
        let _ = (&mut self.task).await;
    }

    /// Serves until the process is asked to end (Ctrl-C, or SIGTERM on Unix), then shuts down.
    ///
    /// # Errors
    ///
    /// The system's error when it does not let signals be received.
    pub async fn run_until_signal(self) -> std::io::Result<()> {
        crate::signal::asked_to_end().await?;
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
