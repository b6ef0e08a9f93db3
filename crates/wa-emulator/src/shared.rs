//! The state that all connections of an emulator share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::fault::FaultQueue;
use crate::graph::WireShape;
use crate::log::RequestLog;
use crate::seed::Seed;
use crate::world::{ControlError, RateLimits, World};

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) base_url: String,
    pub(crate) max_body: usize,
    seed: Seed,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) faults: FaultQueue,
    pub(crate) log: RequestLog,
    pub(crate) shape: WireShape,
    traces: u64,
}

impl State {
    /// Returns the trace id of the next response: unique within this emulator, and the same in every run.
    pub(crate) fn next_trace(&mut self) -> String {
        self.traces += 1;
        format!("A{:022X}", self.traces)
    }
}

impl Shared {
    pub(crate) fn new(
        base_url: String,
        max_body: usize,
        log_capacity: usize,
        seed: Seed,
    ) -> Result<Self, ControlError> {
        let state = State {
            world: seed.world()?,
            faults: FaultQueue::default(),
            log: RequestLog::new(log_capacity),
            shape: seed.shape.clone(),
            traces: 0,
        };
        Ok(Self {
            base_url,
            max_body,
            seed,
            state: Mutex::new(state),
        })
    }

    /// Locks the state; a panic while it was locked does not stop the emulator.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Restores the state right after the start.
    pub(crate) fn reset(&self) {
        // The same seed succeeded at the start, so this cannot fail.
        let Ok(world) = self.seed.world() else { return };
        let mut state = self.state();
        state.world = world;
        state.world.limits.set(RateLimits::default());
        state.faults.clear();
        state.log.clear();
        state.shape = self.seed.shape.clone();
    }
}
