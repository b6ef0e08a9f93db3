//! Child processes, the cores that they run on, and their CPU time and memory.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A child process of this program in another role; it is killed on drop.
pub(crate) struct Role {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Role {
    pub(crate) fn start(role: &str, cores: &str) -> Self {
        let mut child = pinned(cores)
            .env("WA_BENCH_ROLE", role)
            .stdout(Stdio::piped())
            .spawn()
            .expect("taskset");
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Returns the resident memory in MB.
    pub(crate) fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the CPU time of all threads of a process.
pub(crate) fn cpu_seconds(pid: &str) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of_thread = |task: std::fs::DirEntry| {
        let statistics = std::fs::read_to_string(task.path().join("schedstat")).unwrap();
        let nanoseconds = statistics.split_whitespace().next().unwrap();
        nanoseconds.parse::<f64>().unwrap()
    };
    tasks.map(|task| of_thread(task.unwrap())).sum::<f64>() / 1e9
}

/// Runs this program again as the driver, pinned to the second core.
pub(crate) fn drive_from_core_1() {
    let status = pinned("1").env("WA_BENCH_ROLE", "drive").status();
    match status {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => println!("skipped: this bench needs Linux, taskset and two cores ({error})"),
    }
}

/// Moves this process to the given cores.
pub(crate) fn move_to(cores: &str) {
    let pid = std::process::id().to_string();
    let output = Command::new("taskset")
        .args(["-apc", cores, &pid])
        .output()
        .unwrap();
    assert!(output.status.success());
}

fn pinned(cores: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", cores]).arg(std::env::current_exe().unwrap());
    command
}
