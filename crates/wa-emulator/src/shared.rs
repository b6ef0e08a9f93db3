//! The state that all connections of an emulator share.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::command::Command;
use crate::fault::FaultQueue;
use crate::graph::WireShape;
use crate::log::RequestLog;
use crate::seed::Seed;
use crate::world::{ControlError, World};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base_url: String,
    pub(crate) max_body: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) faults: FaultQueue,
    pub(crate) log: RequestLog,
    pub(crate) shape: WireShape,
    seed: Seed,
    traces: u64,
}

impl State {
    pub(crate) fn new(seed: Seed, log_capacity: usize) -> Result<Self, ControlError> {
        Ok(Self {
            world: seed.world()?,
            faults: FaultQueue::default(),
            log: RequestLog::new(log_capacity),
            shape: seed.shape.clone(),
            seed,
            traces: 0,
        })
    }

    /// Returns the trace id of the next response: unique within this emulator, and the same in every run.
    pub(crate) fn next_trace(&mut self) -> String {
        self.traces += 1;
        format!("A{:022X}", self.traces)
    }

    /// Executes one command; returns the ids of the objects that it added.
    pub(crate) fn apply(&mut self, command: Command) -> Result<Vec<String>, ControlError> {
        let world = &mut self.world;
        match command {
            Command::AddBusiness(spec) => return Ok(vec![world.add_business(spec)?]),
            Command::AddAccount(spec) => return Ok(vec![world.add_account(spec)?]),
            Command::AddAccounts {
                business,
                count,
                numbers,
            } => return world.add_accounts(business.as_deref(), count, numbers),
            Command::AddNumber(spec) => return Ok(vec![world.add_number(spec)?]),
            Command::AddNumbers { account, count } => return world.add_numbers(&account, count),
            Command::AddFlow(spec) => return Ok(vec![world.add_flow(spec)?]),
            Command::RemoveFlow { flow } => world.remove_flow(&flow)?,
            Command::RemoveNumber { number } => world.remove_number(&number)?,
            Command::Reregister(selection) => world.reregister(&selection)?,
            Command::SetNumberState { number, state } => world.set_number_state(&number, state)?,
            Command::SetNumberKey { number, key } => world.set_number_key(&number, key.as_deref())?,
            Command::SetPropagationDelay { ms } => world.propagation = Duration::from_millis(ms),
            Command::AddApp(spec) => world.add_app(spec)?,
            Command::RequireProof { app, require } => world.require_proof(&app, require)?,
            Command::AddToken(spec) => world.add_token(spec)?,
            Command::ExpireToken { token } => world.expire_token(&token)?,
            Command::RevokeToken { token } => world.revoke_token(&token)?,
            Command::GrantPermission { token, permission } => world.grant_permission(&token, permission)?,
            Command::DropPermission { token, permission } => world.drop_permission(&token, &permission)?,
            Command::RestrictToken { token, accounts } => world.restrict_token(&token, accounts)?,
            Command::SetRateLimits(limits) => world.limits.set(limits),
            Command::SetWireShape(shape) => self.shape = shape,
            Command::SetClock { offset_seconds } => world.clock.set_offset(offset_seconds),
            Command::AddFault(rule) => self.faults.push(rule),
            Command::ClearFaults => self.faults.clear(),
            Command::ClearRequests => self.log.clear(),
            Command::ClearKeyLog => world.key_log.clear(),
            Command::Reset => self.reset()?,
        }
        Ok(Vec::new())
    }

    /// Restores the state right after the start.
    fn reset(&mut self) -> Result<(), ControlError> {
        self.world = self.seed.world()?;
        self.shape = self.seed.shape.clone();
        self.faults.clear();
        self.log.clear();
        Ok(())
    }
}

impl Shared {
    pub(crate) fn new(base_url: String, max_body: usize, state: State) -> Self {
        Self {
            base_url,
            max_body,
            state: Mutex::new(state),
        }
    }

    /// Locks the state; a panic while it was locked does not stop the emulator.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
