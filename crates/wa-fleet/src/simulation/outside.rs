//! Registry, endpoint, keys and clock of a simulation.

use std::error::Error;
use std::fmt;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use wa_graph::PhoneNumberId;
use wa_keys::PublicKey;
use wa_keystore::ProtectedKey;

use super::world::{ACTORS, LAG, LATE, World, moment};
use crate::outside::{
    Clock, Effect, KeySource, Pong, Prober, Registered, RegisteredKey, Registry, RegistryError,
};

/// The outside as one operator reaches it.
#[derive(Clone)]
pub(super) struct Outside {
    pub(super) world: World,
    pub(super) actor: usize,
    /// How much the operator's clock is ahead.
    pub(super) skew: i64,
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}

fn index(number: &PhoneNumberId) -> usize {
    number.as_str().parse::<usize>().unwrap() - 1
}

#[async_trait]
impl Registry for Outside {
    async fn read(&self, number: &PhoneNumberId) -> Result<Registered, RegistryError> {
        self.world.call(self.actor, format!("read number {number}")).await;
        let mut state = self.world.lock();
        let date = Some(moment(state.now));
        let at = index(number);
        let history = state.numbers[at].history.clone();
        let last = history.last().unwrap();
        let is_new = history.len() > 1 && last.from + LAG > state.now;
        if is_new && state.faults > 0 && state.random.pick(&[6, 1]) == 1 {
            state.faults -= 1;
            let key = history[history.len() - 2].key;
            return Ok(Registered::new(RegisteredKey::Key(key), true, date));
        }
        let is_valid = !state.numbers[at].mismatch;
        Ok(Registered::new(RegisteredKey::Key(last.key), is_valid, date))
    }

    async fn upload(&self, number: &PhoneNumberId, key: &PublicKey) -> Result<(), RegistryError> {
        // It takes effect directly after the check before it; a later effect is one of the faults.
        let name = self.world.name(key.fingerprint());
        let how = {
            let mut state = self.world.lock();
            let how = if state.faults > 0 {
                state.random.pick(&[8, 1, 1, 1])
            } else {
                0
            };
            state.faults -= usize::from(how > 0);
            match how {
                0 | 1 => state.register(index(number), key.fingerprint()),
                3 => {
                    let due = state.now + LATE;
                    state.late.push((due, index(number), key.fingerprint()));
                }
                _ => {}
            }
            how
        };
        let how_named = [
            "",
            ", times out, took effect",
            ", lost",
            ", times out, takes effect later",
        ][how];
        self.world.log(format!(
            "{}: uploads {name} to {number}{how_named}",
            ACTORS[self.actor]
        ));
        self.world
            .call(self.actor, format!("response to the upload to {number}"))
            .await;
        if how == 0 {
            Ok(())
        } else {
            Err(RegistryError::new("it timed out", Effect::Transient))
        }
    }
}

#[async_trait]
impl Prober for Outside {
    async fn ping(&self, _: &str, key: &PublicKey) -> Pong {
        self.world.call(self.actor, "ping").await;
        let mut state = self.world.lock();
        let count = state.rings.len();
        if count == 0 {
            return Pong::Failed {
                problem: "no gateway runs".to_owned(),
                remedy: None,
            };
        }
        let at = state.random.below(count);
        if state.rings[at].1.contains(&key.fingerprint()) {
            Pong::Opened
        } else {
            Pong::NotOpened
        }
    }
}

#[async_trait]
impl KeySource for Outside {
    async fn new_key(&self) -> Result<ProtectedKey, Box<dyn Error + Send + Sync>> {
        self.world.call(self.actor, "generate a key").await;
        let number = {
            let mut state = self.world.lock();
            state.made += 1;
            state.made
        };
        let key = World::key(number);
        self.world
            .lock()
            .names
            .insert(key.fingerprint(), format!("K{number}"));
        Ok(key)
    }
}

impl Outside {
    pub(super) fn now(&self) -> SystemTime {
        let now = i64::try_from(self.world.lock().now).unwrap() + self.skew;
        moment(u64::try_from(now).unwrap())
    }
}

#[async_trait]
impl Clock for Outside {
    fn now(&self) -> SystemTime {
        Outside::now(self)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.world.lock().now)
    }

    async fn sleep(&self, duration: Duration) {
        let wait = u64::try_from(duration.as_millis()).unwrap();
        self.world.call_after(self.actor, "sleep", wait).await;
    }
}
