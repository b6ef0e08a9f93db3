//! Operators: each runs one command at a time, as a task.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use wa_graph::PhoneNumberId;
use wa_keys::Fingerprint;
use wa_keystore::{Clock as StoreClock, KeyState, KeyStore};

use super::backend::SimulatedBackend;
use super::outside::Outside;
use super::world::{ACTORS, SET, World};
use crate::error::FleetError;
use crate::operations::{DisableOptions, RepairOptions, RollbackOptions, RotateOptions};
use crate::operator::SetOperator;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::rules::{Rule, Rules};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Rotate,
    RollBack,
    Retire,
    Disable,
    Enable,
    Apply,
    Fix,
    Collect,
}

pub(super) const COMMANDS: [Command; 8] = [
    Command::Rotate,
    Command::RollBack,
    Command::Retire,
    Command::Disable,
    Command::Enable,
    Command::Apply,
    Command::Fix,
    Command::Collect,
];

type Task = Pin<Box<dyn Future<Output = Result<(), FleetError>> + Send>>;

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(super) struct Operator {
    pub(super) name: &'static str,
    pub(super) actor: usize,
    pub(super) skew: i64,
    /// The numbers that it names, if the set does not remember them.
    pub(super) named: Vec<PhoneNumberId>,
    task: Option<Task>,
    woken: Arc<Woken>,
    pub(super) command: Command,
}

pub(super) fn numbers() -> Vec<PhoneNumberId> {
    ["1", "2"].map(|number| number.parse().unwrap()).to_vec()
}

impl Operator {
    pub(super) fn new(name: &'static str, actor: usize, skew: i64, named: Vec<PhoneNumberId>) -> Self {
        Self {
            name,
            actor,
            skew,
            named,
            task: None,
            woken: Arc::new(Woken(AtomicBool::new(false))),
            command: Command::Rotate,
        }
    }

    pub(super) fn is_busy(&self) -> bool {
        self.task.is_some()
    }

    pub(super) fn kill(&mut self) {
        self.task = None;
    }

    /// Starts a command. `choice` picks the key of commands that are about one.
    pub(super) fn start(&mut self, world: &World, command: Command, choice: usize) {
        world.log(format!("{}: starts {command:?}", self.name));
        self.command = command;
        let (world, named) = (world.clone(), self.named.clone());
        let outside = Outside {
            world: world.clone(),
            actor: self.actor,
            skew: self.skew,
        };
        self.task = Some(Box::pin(async move {
            let observed = Observed {
                world: world.clone(),
                actor: outside.actor,
            };
            let operator = operator(&outside, named.clone(), observed).await?;
            run(&operator, command, choice, &named).await
        }));
        self.woken.0.store(true, Ordering::Relaxed);
    }

    /// Polls the task if it was woken; it stops at the next call to the outside.
    pub(super) fn poll(&mut self, world: &World) {
        let Some(task) = &mut self.task else {
            return;
        };
        if !self.woken.0.swap(false, Ordering::Relaxed) {
            return;
        }
        let waker = Waker::from(Arc::clone(&self.woken));
        if let Poll::Ready(result) = task.as_mut().poll(&mut Context::from_waker(&waker)) {
            self.task = None;
            let end = match result {
                Ok(()) => "is done".to_owned(),
                Err(error) => format!("stops: {error}"),
            };
            world.log(format!("{}: {:?} {end}", self.name, self.command));
        }
    }
}

/// What the trace shows of an operator, and the check that two rotations at once make one key.
struct Observed {
    world: World,
    actor: usize,
}

impl Observed {
    fn report(&self, progress: &Progress) {
        let name = ACTORS[self.actor];
        let Progress::Event { number, event, key } = progress else {
            if let Progress::Done { stage, key, .. } = progress {
                let key = self.world.name(*key);
                self.world.log(format!("{name}: {stage} {key}"));
            }
            return;
        };
        let key_name = key.map_or_else(String::new, |key| self.world.name(key));
        self.world
            .log(format!("{name}: writes event {number}: {event} {key_name}"));
        if event == "added" {
            let store = super::instance::open(&self.world, None);
            let primary = super::instance::read(&store).primary().map(|key| key.fingerprint);
            if self.world.lock().first_read[self.actor] != primary {
                self.world.violate("I4 two rotations at once make two keys");
            }
        }
    }
}

async fn operator(
    outside: &Outside,
    named: Vec<PhoneNumberId>,
    observed: Observed,
) -> Result<SetOperator, FleetError> {
    let world = outside.world.clone();
    let backend = SimulatedBackend {
        world: world.clone(),
        actor: Some(outside.actor),
        shown: None,
    };
    let clock = outside.clone();
    let store = KeyStore::open(backend)
        .await?
        .with_clock(StoreClock::new(move || clock.now()));
    let (deleting, starting, actor) = (world.clone(), world.clone(), outside.actor);
    let rules = Rules {
        off: world.lock().off,
        named,
        started: Some(Arc::new(move |primary| {
            starting.lock().first_read[actor] = primary;
        })),
        delete: Some(Arc::new(move |key| {
            let world = deleting.clone();
            Box::pin(async move {
                world.call(actor, "delete without an event").await;
                let prefix = format!("private/{SET}/{key}.");
                world.lock().objects.retain(|path, _| !path.starts_with(&prefix));
            })
        })),
    };
    let policy = Policy {
        wait: Duration::from_secs(100),
        poll: Duration::from_secs(20),
        pings: (1, 2),
        hold: Duration::from_hours(7 * 24),
        concurrency: 2,
        ..Policy::default()
    };
    let outside = Arc::new(outside.clone());
    Ok(SetOperator::new(store, SET, outside.clone())?
        .author(ACTORS[observed.actor])
        .prober(outside.clone())
        .key_source(outside.clone())
        .rules(rules)
        .clock(outside)
        .policy(policy)
        .observer(move |progress| observed.report(&progress)))
}

async fn run(
    operator: &SetOperator,
    command: Command,
    choice: usize,
    named: &[PhoneNumberId],
) -> Result<(), FleetError> {
    match command {
        Command::Rotate => {
            let options = RotateOptions {
                force: !choice.is_multiple_of(3),
                ..RotateOptions::default()
            };
            operator.rotate(&options).await.map(drop)
        }
        Command::RollBack => operator.roll_back(&RollbackOptions::default()).await.map(drop),
        Command::Retire => operator.retire().await.map(drop),
        Command::Disable => {
            let states = [KeyState::Enabled, KeyState::Pending];
            let Some(key) = chosen(operator, &states, choice).await? else {
                return Ok(());
            };
            operator.disable(key, DisableOptions::default()).await
        }
        Command::Enable => {
            let states = [KeyState::Disabled, KeyState::DestroyScheduled];
            let Some(key) = chosen(operator, &states, 0).await? else {
                return Ok(());
            };
            operator.enable(key).await
        }
        Command::Apply => {
            let numbers = (!operator.rules.hold(Rule::NumbersInLog)).then(|| named.to_vec());
            operator.repair(&RepairOptions { numbers }).await.map(drop)
        }
        Command::Fix => fix(operator).await,
        Command::Collect => operator.collect_garbage().await.map(drop),
    }
}

/// Repairs the numbers whose signature status is not valid.
async fn fix(operator: &SetOperator) -> Result<(), FleetError> {
    for number in numbers() {
        let found = operator.read_number(&number).await;
        if found.is_ok_and(|found| !found.is_valid) {
            let numbers = Some(vec![number]);
            operator.repair(&RepairOptions { numbers }).await?;
        }
    }
    Ok(())
}

/// One of the keys in these states; the newest first.
async fn chosen(
    operator: &SetOperator,
    states: &[KeyState],
    choice: usize,
) -> Result<Option<Fingerprint>, FleetError> {
    let log = operator.read_log().await?;
    let keys: Vec<Fingerprint> = log
        .keys()
        .iter()
        .rev()
        .filter(|key| states.contains(&key.state))
        .map(|key| key.fingerprint)
        .collect();
    Ok(keys.get(choice % keys.len().max(1)).copied())
}
