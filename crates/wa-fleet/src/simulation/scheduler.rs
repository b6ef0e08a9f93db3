//! The scheduler: decides what happens next.

use wa_keystore::SetLog;

use super::instance::{Instance, POLL, Poll, open, read};
use super::operators::{COMMANDS, Command, Operator, numbers};
use super::prepare::prepare;
use super::world::{DAY, Had, LAG, LATE, Number, World};
use crate::rules::Rule;

const JUMPS: [u64; 6] = [1_000, 20_000, 300_000, DAY, 4 * DAY, 8 * DAY];

pub(super) struct Simulation {
    pub(super) world: World,
    pub(super) operators: Vec<Operator>,
    pub(super) instances: Vec<Instance>,
    /// The instance that the balancer sends every ping to.
    pub(super) only_pinged: Option<usize>,
    /// The log, and the version of the store at which it was read.
    log: (SetLog, u64),
    interrupted: bool,
}

impl Simulation {
    /// Prepares a set with K0, which is disabled or scheduled, and K1, the primary, which both numbers have.
    pub(super) fn new(seed: u64, off: Option<Rule>, is_quiet: bool) -> Self {
        let world = World::new(seed, off);
        let mut random = world.lock().random.clone();
        prepare(&world, random.pick(&[3, 1]) == 1);
        let k1 = World::key(1).fingerprint();
        for id in ["1", "2"] {
            let history = vec![Had {
                key: k1,
                from: 0,
                until: None,
            }];
            let number = Number {
                id: id.to_owned(),
                history,
                mismatch: false,
            };
            world.lock().numbers.push(number);
        }
        let skews = [
            0,
            9 * i64::try_from(DAY).unwrap(),
            -9 * i64::try_from(DAY).unwrap(),
        ];
        let skew = |random: &mut super::world::Random| {
            if is_quiet {
                0
            } else {
                skews[random.pick(&[8, 1, 1])]
            }
        };
        let mut both = numbers();
        let a = Operator::new("A", 0, skew(&mut random), both.clone());
        let b_skew = skew(&mut random);
        if !is_quiet && random.pick(&[2, 1]) == 1 {
            both.truncate(1);
        }
        let b = Operator::new("B", 1, b_skew, both);
        let watch = Operator::new("watch", 2, 0, numbers());
        let late = if is_quiet {
            0
        } else {
            [0, -600_000][random.pick(&[2, 1])]
        };
        let mut instances = vec![Instance::new("g1", 1, 0), Instance::new("g2", 2, late)];
        {
            let mut state = world.lock();
            state.now = 200 * DAY;
            state.random = random;
        }
        for instance in &mut instances {
            instance.poll(&world, Poll::Start);
        }
        if !is_quiet {
            let mut state = world.lock();
            (state.faults, state.store_faults) = (2, 2);
            (state.stale_listings, state.lost_records) = (1, 1);
        }
        Self {
            world,
            operators: vec![a, b, watch],
            instances,
            only_pinged: None,
            log: (SetLog::default(), u64::MAX),
            interrupted: false,
        }
    }

    pub(super) fn log(&mut self) -> &SetLog {
        let version = self.world.lock().version;
        if self.log.1 != version {
            self.log = (read(&open(&self.world, None)), version);
        }
        &self.log.0
    }

    /// Runs until the end, or the first violation, which is returned.
    pub(super) async fn run(&mut self, steps: usize) -> Option<String> {
        let menu: Vec<Command> = if self.pick(&[1, 2]) == 1 {
            (0..3)
                .map(|_| COMMANDS[self.pick(&[3, 2, 2, 2, 2, 1, 1, 2])])
                .collect()
        } else {
            COMMANDS.to_vec()
        };
        let mut budget = 6;
        for _ in 0..steps {
            self.act(&menu, &mut budget).await;
            self.check();
            if self.is_violated() {
                break;
            }
        }
        if !self.is_violated() {
            self.settle().await;
        }
        self.world.lock().violation.clone()
    }

    fn is_violated(&self) -> bool {
        self.world.lock().violation.is_some()
    }

    fn pick(&mut self, weights: &[usize]) -> usize {
        self.world.lock().random.pick(weights)
    }

    async fn act(&mut self, menu: &[Command], budget: &mut usize) {
        let busy: Vec<usize> = (0..3).filter(|at| self.operators[*at].is_busy()).collect();
        match self.pick(&[30, 5, 4, 2, 1]) {
            0 if !busy.is_empty() => {
                let at = busy[self.pick(&vec![1; busy.len()])];
                let steps = [1, 2, 5, 12][self.pick(&[4, 2, 2, 1])];
                for _ in 0..steps {
                    self.step(at).await;
                    self.check();
                }
            }
            0 | 1 if *budget > 0 => {
                let idle: Vec<usize> = (0..3).filter(|at| !busy.contains(at)).collect();
                if !idle.is_empty() {
                    *budget -= 1;
                    let at = idle[self.pick(&vec![1; idle.len()])];
                    let chosen = menu[self.pick(&vec![1; menu.len()])];
                    let command = if at == 2 { Command::Fix } else { chosen };
                    let choice = self.pick(&[1; 6]);
                    self.start(at, command, choice);
                }
            }
            2 => {
                let jump = JUMPS[self.pick(&[4, 4, 3, 2, 2, 2])];
                self.advance(jump);
            }
            3 => self.disturb_instance(),
            4 => self.disturb(&busy),
            _ => {}
        }
    }

    pub(super) fn start(&mut self, at: usize, command: Command, choice: usize) {
        let world = self.world.clone();
        self.operators[at].start(&world, command, choice);
        self.operators[at].poll(&world);
    }

    /// Lets a task go on to its next call to the outside.
    pub(super) async fn step(&mut self, at: usize) {
        if !self.operators[at].is_busy() {
            return;
        }
        self.refresh_rings();
        let (due, ready) = {
            let state = self.world.lock();
            let own = || state.calls.iter().filter(|call| call.actor == at);
            let ready: Vec<u64> = own()
                .filter(|call| call.due <= state.now)
                .map(|call| call.id)
                .collect();
            (own().map(|call| call.due).min(), ready)
        };
        if !ready.is_empty() {
            let id = ready[self.pick(&vec![1; ready.len()])];
            self.world.release(id);
            self.tick();
        } else if let Some(due) = due {
            // It sleeps, and so does the world.
            let now = self.world.lock().now;
            self.advance(due - now);
        } else {
            // The key store waits before it tries again, with Tokio's timer.
            tokio::time::advance(std::time::Duration::from_millis(200)).await;
        }
        let world = self.world.clone();
        self.operators[at].poll(&world);
    }

    /// Every step takes a little time.
    fn tick(&mut self) {
        let milliseconds = [1, 100, 700][self.pick(&[4, 2, 1])];
        self.advance(milliseconds);
    }

    pub(super) fn advance(&mut self, milliseconds: u64) {
        let end = self.world.lock().now + milliseconds;
        loop {
            let next = {
                let mut state = self.world.lock();
                state.late.sort_by_key(|(due, ..)| *due);
                match state.late.first().copied() {
                    Some((due, ..)) if due <= end => Some(state.late.remove(0)),
                    _ => None,
                }
            };
            let Some((due, number, key)) = next else {
                break;
            };
            let id = {
                let mut state = self.world.lock();
                state.now = state.now.max(due);
                state.register(number, key);
                state.numbers[number].id.clone()
            };
            let name = self.world.name(key);
            self.world.log(format!("late effect: {id} now has {name}"));
        }
        self.world.lock().now = end;
        for instance in &mut self.instances {
            if milliseconds >= DAY && instance.is_cut_off {
                // Assumed: an instance that cannot reach the store is repaired within a day.
                instance.is_cut_off = false;
                self.world
                    .log(format!("{} reaches the store again", instance.name));
            }
            if instance.is_up && end - instance.polled >= POLL {
                let how = if milliseconds >= DAY {
                    Poll::Start
                } else {
                    Poll::Usual
                };
                instance.poll(&self.world, how);
            }
        }
    }

    fn refresh_rings(&mut self) {
        let pinged = |at: usize| self.only_pinged.is_none_or(|only| only == at);
        let rings = self.instances.iter().enumerate();
        let rings = rings
            .filter(|(at, instance)| instance.is_up && pinged(*at))
            .map(|(_, instance)| (instance.name.clone(), instance.ring.clone()))
            .collect();
        self.world.lock().rings = rings;
    }

    fn disturb_instance(&mut self) {
        let (at, kind, cleanly) = (self.pick(&[1, 1]), self.pick(&[1, 1]), self.pick(&[1, 1]) == 0);
        let world = self.world.clone();
        let instance = &mut self.instances[at];
        let what = if !instance.is_up {
            instance.restart(&world);
            "starts"
        } else if !instance.is_cut_off && kind == 0 {
            instance.is_cut_off = true;
            "loses access to the store, still serves"
        } else {
            instance.stop(&world, cleanly && !instance.is_cut_off);
            if cleanly { "stops" } else { "is killed" }
        };
        let text = format!("{} {what}", instance.name);
        world.log(text);
    }

    fn disturb(&mut self, busy: &[usize]) {
        if !busy.is_empty() && self.pick(&[2, 1]) == 0 {
            let at = busy[self.pick(&vec![1; busy.len()])];
            self.interrupted = true;
            let operator = &mut self.operators[at];
            self.world
                .log(format!("{}: {:?} is killed", operator.name, operator.command));
            operator.kill();
        } else {
            let at = self.pick(&[1, 1]);
            let id = {
                let mut state = self.world.lock();
                state.numbers[at].mismatch = true;
                state.numbers[at].id.clone()
            };
            self.world.log(format!("{id} is re-registered: MISMATCH"));
        }
    }

    /// No more faults: everything runs to its end, then a repair must find one key everywhere.
    async fn settle(&mut self) {
        {
            let mut state = self.world.lock();
            (
                state.faults,
                state.store_faults,
                state.stale_listings,
                state.lost_records,
            ) = (0, 0, 0, 0);
        }
        let world = self.world.clone();
        for instance in &mut self.instances {
            if !instance.is_up {
                instance.restart(&world);
            }
            instance.is_cut_off = false;
            instance.poll(&world, Poll::Start);
        }
        self.drain().await;
        self.advance(LATE + LAG);
        self.operators[0].named = numbers();
        self.operators[0].skew = 0;
        let pending = self.log().pending().is_some();
        let command = if self.interrupted && pending {
            Command::Rotate
        } else {
            Command::Apply
        };
        self.start(0, command, 0);
        self.drain().await;
        self.check_end();
    }

    async fn drain(&mut self) {
        for _ in 0..3000 {
            let busy: Vec<usize> = (0..3).filter(|at| self.operators[*at].is_busy()).collect();
            if busy.is_empty() || self.is_violated() {
                return;
            }
            let at = busy[self.pick(&vec![1; busy.len()])];
            self.step(at).await;
            self.check();
        }
        self.world.violate("I4 a command does not end");
    }
}
