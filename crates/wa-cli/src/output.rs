//! Output that never blocks, for servers: a bounded queue, and a thread that writes to the stream.
//!
//! A pipe whose reader has stopped accepts 64 KiB and then blocks every write. Because a separate thread
//! writes, no exchange, signal or shutdown waits for a reader.

use std::cell::Cell;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Maximum number of bytes in the queue; the writing thread may hold as many again.
const CAPACITY: usize = 4 * 1024 * 1024;
/// Capacity that an empty queue keeps allocated.
const RETAINED_CAPACITY: usize = 64 * 1024;

/// The queues of both standard streams.
#[derive(Clone)]
pub(crate) struct StandardQueues {
    pub(crate) stdout: OutputQueue,
    pub(crate) stderr: OutputQueue,
}

impl StandardQueues {
    pub(crate) fn start() -> io::Result<Self> {
        Ok(Self {
            stdout: OutputQueue::start("standard output", io::stdout())?,
            stderr: OutputQueue::start("standard error", io::stderr())?,
        })
    }

    /// Waits until everything is written, at most for `time`.
    pub(crate) fn flush_for(&self, time: Duration) {
        let deadline = Instant::now() + time;
        self.stdout.flush_until(deadline);
        // Flushed last, because it reports dropped lines of standard output.
        self.stderr.flush_until(deadline);
    }
}

/// A queue that writes to a stream; clones share it. Lines that do not fit are dropped and counted.
#[derive(Clone)]
pub(crate) struct OutputQueue {
    shared: Arc<Shared>,
}

struct Shared {
    /// Name of the stream in log messages.
    name: &'static str,
    state: Mutex<State>,
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    pending: Vec<u8>,
    /// True while the thread has unwritten bytes.
    writing: bool,
    /// Dropped lines that are not logged yet.
    unreported: u64,
}

thread_local! {
    /// True on writing threads. Their log lines report dropped lines, and must not be dropped themselves.
    static IS_WRITER: Cell<bool> = const { Cell::new(false) };
}

impl OutputQueue {
    /// Starts the thread that writes to `stream`.
    pub(crate) fn start(name: &'static str, stream: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name,
            state: Mutex::default(),
            changed: Condvar::new(),
            dropped: AtomicU64::new(0),
        });
        let queue = Self {
            shared: Arc::clone(&shared),
        };
        std::thread::Builder::new()
            .name("wa-output".to_owned())
            .spawn(move || shared.write_to(stream))?;
        Ok(queue)
    }

    /// Returns the number of lines that were dropped because the queue was full or the write failed.
    pub(crate) fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything is written, but not beyond `deadline`.
    pub(crate) fn flush_until(&self, deadline: Instant) {
        let mut state = self.shared.state();
        while state.writing || !state.pending.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self
                .shared
                .changed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until everything is written, at most for `time`.
    pub(crate) fn flush_for(&self, time: Duration) {
        self.flush_until(Instant::now() + time);
    }
}

impl Write for OutputQueue {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.shared.push(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn push(&self, text: &[u8]) {
        let mut state = self.state();
        if state.pending.len() + text.len() > CAPACITY && !IS_WRITER.get() {
            self.drop_lines(&mut state, text);
            return;
        }
        let was_empty = state.pending.is_empty();
        state.pending.extend_from_slice(text);
        drop(state);
        if was_empty {
            self.changed.notify_all();
        }
    }

    fn drop_lines(&self, state: &mut State, text: &[u8]) {
        let lines = text.split_inclusive(|byte| *byte == b'\n').count() as u64;
        self.dropped.fetch_add(lines, Ordering::Relaxed);
        state.unreported += lines;
    }

    /// Writes queued bytes until the process exits.
    fn write_to(&self, mut stream: impl Write) {
        IS_WRITER.set(true);
        let mut batch = Vec::new();
        let mut failing = false;
        loop {
            self.take(&mut batch);
            let written = stream.write_all(&batch).and_then(|()| stream.flush());
            if let Err(error) = written {
                self.drop_lines(&mut self.state(), &batch);
                // Logged once, because the log may be written to the same stream.
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "cannot write to {}", self.name);
                }
            } else {
                failing = false;
                let dropped = std::mem::take(&mut self.state().unreported);
                if dropped > 0 {
                    tracing::warn!(
                        dropped,
                        "dropped lines to {} because it was not read in time",
                        self.name
                    );
                }
            }
            batch.clear();
            batch.shrink_to(RETAINED_CAPACITY);
        }
    }

    /// Waits for bytes to write.
    fn take(&self, batch: &mut Vec<u8>) {
        let mut state = self.state();
        state.writing = false;
        self.changed.notify_all();
        while state.pending.is_empty() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.writing = true;
        std::mem::swap(&mut state.pending, batch);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A stream that blocks each write until a message arrives on `go`.
    struct Stalled {
        go: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    impl Write for Stalled {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.go.recv().map_err(io::Error::other)?;
            self.written.send(text.to_vec()).map_err(io::Error::other)?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_stream_blocks_no_writer_and_dropped_lines_are_counted_and_reported() {
        let (release, go) = channel();
        let (written, read) = channel();
        let mut queue = OutputQueue::start("test", Stalled { go, written }).unwrap();
        let log = queue.clone();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || log.clone())
            .init();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        let pushed = 3 * CAPACITY / line.len();
        for _ in 0..pushed {
            queue.write_all(&line).unwrap();
        }
        let dropped = queue.dropped();
        // One line may exceed the limit, if the thread of another test wrote it.
        assert!(queue.shared.state().pending.len() < CAPACITY + line.len());
        assert!(dropped > 0 && dropped < pushed as u64, "{dropped}");
        queue.flush_for(Duration::from_millis(1));

        // One message for each batch.
        for _ in 0..100 {
            release.send(()).unwrap();
        }
        queue.flush_for(Duration::from_mins(1));
        let text = String::from_utf8(read.try_iter().flatten().collect()).unwrap();
        let written = text.lines().filter(|line| line.starts_with('x')).count();
        assert_eq!(written + usize::try_from(dropped).unwrap(), pushed);
        let report = format!("dropped={dropped}");
        assert!(text.lines().any(|line| line.contains(&report)), "{report}");
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let (release, go) = channel();
        drop(release);
        let (written, _) = channel();
        let mut queue = OutputQueue::start("test", Stalled { go, written }).unwrap();
        queue.write_all(b"one\ntwo\n").unwrap();
        queue.flush_for(Duration::from_mins(1));
        assert_eq!(queue.dropped(), 2);
    }
}
