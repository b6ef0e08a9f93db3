//! A TCP balancer that tries a request at the other server if the first one ends without a byte of a
//! response.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(super) struct Balancer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    servers: Mutex<[Option<SocketAddr>; 2]>,
    next: AtomicUsize,
    retried: AtomicUsize,
}

impl Balancer {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move { Box::pin(serve(client, &shared)).await.ok() });
            }
        });
        Self { address, shared }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/flow", self.address)
    }

    pub(super) fn set(&self, which: usize, server: SocketAddr) {
        self.shared.servers.lock().unwrap()[which] = Some(server);
    }

    /// How many requests were tried at the other server.
    pub(super) fn retried(&self) -> usize {
        self.shared.retried.load(Ordering::Relaxed)
    }
}

impl Shared {
    /// Connects to the next server, or to the other one. Between two attempts at both it waits, as a balancer
    /// does.
    async fn connect(&self) -> io::Result<TcpStream> {
        for _ in 0..100 {
            for _ in 0..2 {
                let which = self.next.fetch_add(1, Ordering::Relaxed) % 2;
                let server = self.servers.lock().unwrap()[which];
                if let Some(server) = server
                    && let Ok(stream) = TcpStream::connect(server).await
                {
                    return Ok(stream);
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err(io::ErrorKind::HostUnreachable.into())
    }
}

/// Passes bytes on in both directions. What the client sent since the last byte of a response is kept, so
/// that it can be sent to the other server.
async fn serve(mut client: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut server = shared.connect().await?;
    let (mut from_client, mut from_server) = ([0; 16 * 1024], [0; 16 * 1024]);
    let mut pending: Vec<u8> = Vec::new();
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => {
                let read = read?;
                if read == 0 {
                    return Ok(());
                }
                pending.extend_from_slice(&from_client[..read]);
                if server.write_all(&from_client[..read]).await.is_err() {
                    server = again(shared, &pending).await?;
                }
            }
            read = server.read(&mut from_server) => match read {
                Ok(read) if read > 0 => {
                    pending.clear();
                    client.write_all(&from_server[..read]).await?;
                }
                // Between two requests there is nothing to repeat.
                _ if pending.is_empty() => server = shared.connect().await?,
                _ => server = again(shared, &pending).await?,
            }
        }
    }
}

async fn again(shared: &Shared, pending: &[u8]) -> io::Result<TcpStream> {
    shared.retried.fetch_add(1, Ordering::Relaxed);
    let mut server = shared.connect().await?;
    server.write_all(pending).await?;
    Ok(server)
}
