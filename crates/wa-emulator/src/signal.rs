//! The signals that terminate the process.

use std::io;

#[cfg(unix)]
pub(crate) async fn terminated() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
pub(crate) async fn terminated() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
