//! Child processes, the cores that they run on and what they use.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// This program in another role; it ends with this value.
pub(crate) struct Role {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Role {
    pub(crate) fn start(role: &str, core: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = pinned(core);
        command
            .env("WA_BENCH_ROLE", role)
            .envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).spawn().expect("taskset");
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child.id().to_string())
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// User and system time of a process, which the system counts in ticks of 10 ms.
pub(crate) fn cpu_seconds(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |field: usize| fields[field].parse::<u32>().unwrap();
    f64::from(ticks(11) + ticks(12)) / 100.0
}

pub(crate) fn rounds() -> usize {
    std::env::var("WA_BENCH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(5)
}

/// Runs this program again, pinned to the second core.
pub(crate) fn drive_from_core_1() {
    match pinned("1").env("WA_BENCH_ROLE", "drive").status() {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => println!("skipped: this bench needs Linux, taskset and two cores ({error})"),
    }
}

fn pinned(core: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(std::env::current_exe().unwrap());
    command
}
