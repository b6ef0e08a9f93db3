//! A `wa` that keeps running until the test stops it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// A running program whose standard output is read line by line. It is killed when the value is dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(mut command: Command, stderr: impl Into<Stdio>) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdout }
    }

    /// Reads standard output up to and including `end`.
    pub(crate) fn read_until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let read = self.stdout.read_line(&mut text).unwrap();
            assert!(read > 0, "the program ended: {text}");
        }
        text
    }

    /// Reads standard error up to a line that contains `expected`.
    pub(crate) fn wait_for_log(&mut self, expected: &str) {
        let mut log = BufReader::new(self.child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains(expected) {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "not logged: {expected}");
        }
        self.child.stderr = Some(log.into_inner());
    }

    /// Sends a signal: `INT`, `TERM` or `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the program, and returns its status and the output that is not yet read.
    pub(crate) fn output(&mut self) -> Output {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        self.stdout.read_to_end(&mut stdout).unwrap();
        if let Some(mut pipe) = self.child.stderr.take() {
            pipe.read_to_end(&mut stderr).unwrap();
        }
        let status = self.child.wait().unwrap();
        Output {
            status,
            stdout,
            stderr,
        }
    }

    /// Stops the program, and returns its status and output.
    pub(crate) fn terminate(mut self) -> Output {
        self.signal("TERM");
        self.output()
    }

    /// Stops the program without reading its output, and returns its status and how long that took.
    pub(crate) fn terminate_unread(&mut self) -> (ExitStatus, Duration) {
        let begun = Instant::now();
        self.signal("TERM");
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            let waited = begun.elapsed();
            assert!(waited < Duration::from_mins(1), "the program does not stop");
            std::thread::sleep(Duration::from_millis(10));
        };
        (status, begun.elapsed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
