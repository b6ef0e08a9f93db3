//! The operations of the emulator, once for the Rust API and for the control API.

use serde::Deserialize;

use crate::fault::FaultRule;
use crate::graph::WireShape;
use crate::world::{
    AccountSpec, AppSpec, BusinessSpec, FlowSpec, NumberSpec, NumberState, RateLimits, TokenSpec,
};

/// One change of the emulator's state.
///
/// [`Emulator::apply`](crate::Emulator::apply) executes it. In the control API it is written as JSON by its
/// name in snake case: `"reset"`, `{"add_numbers": {"account": "102290129340398", "count": 500}}`.
///
/// ```
/// use wa_emulator::Command;
///
/// let command: Command = serde_json::from_str(r#"{"set_clock": {"offset_seconds": -777600}}"#)?;
/// assert!(matches!(command, Command::SetClock { offset_seconds: -777_600 }));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// Adds a business; returns its id.
    AddBusiness(BusinessSpec),
    /// Adds a WhatsApp Business account; returns its id.
    AddAccount(AccountSpec),
    /// Adds accounts with registered numbers, all with generated ids; returns the ids of the accounts.
    AddAccounts {
        /// The business that owns them; by default the one with the lowest id.
        #[serde(default)]
        business: Option<String>,
        /// The number of accounts; 10,000 at most.
        count: usize,
        /// The registered phone numbers, spread evenly over the accounts; 100,000 at most.
        #[serde(default)]
        numbers: usize,
    },
    /// Adds a phone number; returns its id.
    AddNumber(NumberSpec),
    /// Adds registered phone numbers to an account; returns their ids, in the order of the account's list.
    AddNumbers {
        /// The account.
        account: String,
        /// The number of phone numbers; 100,000 at most.
        count: usize,
    },
    /// Removes a number, as if it had never existed.
    RemoveNumber {
        /// The phone number id.
        number: String,
    },
    /// Re-registers numbers: their keys stay, with the status MISMATCH until the next upload.
    Reregister(NumberSelection),
    /// Sets the state of a number, which decides whether a key can be set for it.
    SetNumberState {
        /// The phone number id.
        number: String,
        /// The new state.
        state: NumberState,
    },
    /// Sets the key of a number, as an upload by another client would, or removes it.
    SetNumberKey {
        /// The phone number id.
        number: String,
        /// The PEM text; `None` removes the key.
        key: Option<String>,
    },
    /// Sets how long after an upload reads still return the key that was registered before; 0 by default.
    SetPropagationDelay {
        /// The delay in milliseconds.
        ms: u64,
    },
    /// Adds a Flow; returns its id.
    AddFlow(FlowSpec),
    /// Removes a Flow.
    RemoveFlow {
        /// The id of the Flow.
        flow: String,
    },
    /// Adds a Meta app.
    AddApp(AppSpec),
    /// Turns the setting "Require App Secret" of an app on or off.
    RequireProof {
        /// The id of the app.
        app: String,
        /// Whether every call must have an `appsecret_proof`.
        require: bool,
    },
    /// Issues an access token.
    AddToken(TokenSpec),
    /// Expires a token: calls with it get code 190 with subcode 463.
    ExpireToken {
        /// The label of the token.
        token: String,
    },
    /// Revokes a token: calls with it get code 190 with subcode 467.
    RevokeToken {
        /// The label of the token.
        token: String,
    },
    /// Grants a permission to a token.
    GrantPermission {
        /// The label of the token.
        token: String,
        /// The permission.
        permission: String,
    },
    /// Removes a permission from a token: calls that need it get code 10.
    DropPermission {
        /// The label of the token.
        token: String,
        /// The permission.
        permission: String,
    },
    /// Limits a token to these accounts (calls to others get code 200).
    RestrictToken {
        /// The label of the token.
        token: String,
        /// The ids of the accounts; `None` lifts the limit.
        accounts: Option<Vec<String>>,
    },
    /// Sets the rate limits and resets their counters.
    SetRateLimits(RateLimits),
    /// Sets the shapes of responses where Meta's sources disagree.
    SetWireShape(WireShape),
    /// Moves Graph's clock: the `Date` header, the expiry of tokens, and the times in the key log.
    SetClock {
        /// The distance from this machine's clock in seconds, positive if Graph's clock is ahead.
        offset_seconds: i64,
    },
    /// Adds a fault; the oldest rule that matches a call applies to it.
    AddFault(FaultRule),
    /// Removes all fault rules.
    ClearFaults,
    /// Clears the log of received calls.
    ClearRequests,
    /// Clears the log of key changes.
    ClearKeyLog,
    /// Restores the state right after the start.
    Reset,
}

/// Which numbers an operation is for; all by default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NumberSelection {
    pub(crate) account: Option<String>,
    pub(crate) numbers: Option<Vec<String>>,
}

impl NumberSelection {
    /// Selects all numbers.
    pub fn all() -> Self {
        Self::default()
    }

    /// Selects the numbers of an account.
    pub fn account(id: impl Into<String>) -> Self {
        Self {
            account: Some(id.into()),
            numbers: None,
        }
    }

    /// Selects these numbers.
    pub fn numbers<S: Into<String>>(ids: impl IntoIterator<Item = S>) -> Self {
        Self {
            account: None,
            numbers: Some(ids.into_iter().map(Into::into).collect()),
        }
    }
}
