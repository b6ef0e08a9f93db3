//! The operations of a running emulator: shorter ways to write the usual commands, and reads.

use std::time::Duration;

use crate::command::{Command, NumberSelection};
use crate::emulator::Emulator;
use crate::fault::FaultRule;
use crate::graph::WireShape;
use crate::key_log::KeyEvent;
use crate::log::ReceivedRequest;
use crate::world::{
    AccountSpec, AppSpec, BusinessSpec, ControlError, FlowSpec, LimitReport, NumberSpec, NumberState,
    NumberView, RateLimits, TokenSpec,
};

impl Emulator {
    /// Executes one command; returns the ids of the objects that it added.
    ///
    /// The other methods are shorter ways to write the usual commands.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the command names an object that does not exist, or adds one that does.
    pub fn apply(&self, command: Command) -> Result<Vec<String>, ControlError> {
        self.shared.state().apply(command)
    }

    /// Executes a command that adds one object; returns its id.
    fn created(&self, command: Command) -> Result<String, ControlError> {
        let ids = self.apply(command)?;
        Ok(ids.into_iter().next().unwrap_or_default())
    }

    fn done(&self, command: Command) -> Result<(), ControlError> {
        self.apply(command).map(|_| ())
    }

    /// Executes a command that refers to no object, and so cannot fail.
    fn change(&self, command: Command) {
        let applied = self.apply(command);
        debug_assert!(applied.is_ok(), "{applied:?}");
    }

    /// Adds a business and returns its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id.
    pub fn add_business(&self, business: &BusinessSpec) -> Result<String, ControlError> {
        self.created(Command::AddBusiness(business.clone()))
    }

    /// Adds a WhatsApp Business account and returns its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id, or a business does not exist.
    pub fn add_account(&self, account: &AccountSpec) -> Result<String, ControlError> {
        self.created(Command::AddAccount(account.clone()))
    }

    /// Adds a phone number and returns its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id, or the account does not exist.
    pub fn add_number(&self, number: &NumberSpec) -> Result<String, ControlError> {
        self.created(Command::AddNumber(number.clone()))
    }

    /// Adds `count` registered numbers to `account` and returns their ids, in the order of the account's
    /// list.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the account does not exist.
    pub fn add_numbers(&self, account: &str, count: usize) -> Result<Vec<String>, ControlError> {
        self.apply(Command::AddNumbers {
            account: account.to_owned(),
            count,
        })
    }

    /// Removes a number, as if it had never existed.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it does not exist.
    pub fn remove_number(&self, id: &str) -> Result<(), ControlError> {
        self.done(Command::RemoveNumber {
            number: id.to_owned(),
        })
    }

    /// Returns the state of a number.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if it does not exist.
    pub fn number(&self, id: &str) -> Result<NumberView, ControlError> {
        self.shared.state().world.number(id)
    }

    /// Returns the ids of all numbers, in no particular order.
    pub fn number_ids(&self) -> Vec<String> {
        let state = self.shared.state();
        state.world.numbers.keys().map(ToString::to_string).collect()
    }

    /// Returns all objects without secrets, as `GET /_emulator/` does.
    pub fn summary(&self) -> serde_json::Value {
        crate::control::summary(&self.shared.base_url, &self.shared.state())
    }

    /// Re-registers a number: its key stays, with the status MISMATCH until the next upload.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the number does not exist.
    pub fn reregister_number(&self, id: &str) -> Result<(), ControlError> {
        self.reregister(NumberSelection::numbers([id]))
    }

    /// Re-registers many numbers at once: their keys stay, with the status MISMATCH until the next upload.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if an account or a number does not exist; then no number is re-registered.
    pub fn reregister(&self, numbers: NumberSelection) -> Result<(), ControlError> {
        self.done(Command::Reregister(numbers))
    }

    /// Sets the state of a number, which decides whether a key can be set for it.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the number does not exist.
    pub fn set_number_state(&self, id: &str, state: NumberState) -> Result<(), ControlError> {
        self.done(Command::SetNumberState {
            number: id.to_owned(),
            state,
        })
    }

    /// Sets a number's key, as an upload by another client would, or removes it.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the number does not exist, or the key is not valid for an upload.
    pub fn set_number_key(&self, id: &str, pem: Option<&str>) -> Result<(), ControlError> {
        self.done(Command::SetNumberKey {
            number: id.to_owned(),
            key: pem.map(str::to_owned),
        })
    }

    /// Sets how long after an upload reads still return the key that was registered before; 0 by default.
    pub fn set_propagation_delay(&self, delay: Duration) {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.change(Command::SetPropagationDelay { ms });
    }

    /// Adds a Flow and returns its id.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id, or its account or app does not exist.
    pub fn add_flow(&self, flow: &FlowSpec) -> Result<String, ControlError> {
        self.created(Command::AddFlow(flow.clone()))
    }

    /// Adds a Meta app.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the id is in use or is not a valid Graph id.
    pub fn add_app(&self, app: &AppSpec) -> Result<(), ControlError> {
        self.done(Command::AddApp(app.duplicate()))
    }

    /// Turns the setting "Require App Secret" of an app on or off.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the app does not exist.
    pub fn require_proof(&self, app: &str, require: bool) -> Result<(), ControlError> {
        self.done(Command::RequireProof {
            app: app.to_owned(),
            require,
        })
    }

    /// Issues an access token.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if the label or the token is in use, or its app or an account does not exist.
    pub fn add_token(&self, token: &TokenSpec) -> Result<(), ControlError> {
        self.done(Command::AddToken(token.duplicate()))
    }

    /// Expires a token: calls with it get code 190 with subcode 463.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label.
    pub fn expire_token(&self, label: &str) -> Result<(), ControlError> {
        self.done(Command::ExpireToken {
            token: label.to_owned(),
        })
    }

    /// Revokes a token: calls with it get code 190 with subcode 467.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label.
    pub fn revoke_token(&self, label: &str) -> Result<(), ControlError> {
        self.done(Command::RevokeToken {
            token: label.to_owned(),
        })
    }

    /// Removes a permission from a token: calls that need it get code 10.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label.
    pub fn drop_permission(&self, label: &str, scope: &str) -> Result<(), ControlError> {
        self.done(Command::DropPermission {
            token: label.to_owned(),
            permission: scope.to_owned(),
        })
    }

    /// Grants a permission to a token.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label.
    pub fn grant_permission(&self, label: &str, scope: &str) -> Result<(), ControlError> {
        self.done(Command::GrantPermission {
            token: label.to_owned(),
            permission: scope.to_owned(),
        })
    }

    /// Limits a token to these accounts (calls to others get code 200); `None` lifts the limit.
    ///
    /// # Errors
    ///
    /// [`ControlError`] if no token has this label, or an account does not exist.
    pub fn restrict_token(&self, label: &str, accounts: Option<Vec<String>>) -> Result<(), ControlError> {
        self.done(Command::RestrictToken {
            token: label.to_owned(),
            accounts,
        })
    }

    /// Sets the rate limits and resets their counters.
    pub fn set_rate_limits(&self, limits: RateLimits) {
        self.change(Command::SetRateLimits(limits));
    }

    /// Returns the calls counted for each rate limit in its current window.
    pub fn limit_report(&self) -> LimitReport {
        self.shared.state().world.limits.report()
    }

    /// Sets how far Graph's clock is ahead of this machine's, in seconds; behind if negative.
    ///
    /// The clock decides the `Date` header, the expiry of tokens, and the times in the key log.
    pub fn set_clock_offset(&self, offset_seconds: i64) {
        self.change(Command::SetClock { offset_seconds });
    }

    /// Sets the shapes of responses where Meta's sources disagree.
    pub fn set_wire_shape(&self, shape: WireShape) {
        self.change(Command::SetWireShape(shape));
    }

    /// Adds a fault; the oldest rule that matches a call applies to it.
    pub fn queue_fault(&self, rule: FaultRule) {
        self.change(Command::AddFault(rule));
    }

    /// Returns the fault rules that are not used up.
    pub fn faults(&self) -> Vec<FaultRule> {
        self.shared.state().faults.rules().to_vec()
    }

    /// Removes all fault rules.
    pub fn clear_faults(&self) {
        self.change(Command::ClearFaults);
    }

    /// Returns the received Graph calls, oldest first; secrets are replaced by labels.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.shared.state().log.entries()
    }

    /// Clears the request log.
    pub fn clear_requests(&self) {
        self.change(Command::ClearRequests);
    }

    /// Returns all changes of registered keys, oldest first; the newest million is kept.
    pub fn key_log(&self) -> Vec<KeyEvent> {
        self.shared.state().world.key_log.events(0, usize::MAX)
    }

    /// Restores the state right after the start.
    pub fn reset(&self) {
        self.change(Command::Reset);
    }
}
