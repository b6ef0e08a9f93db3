//! Servers keep serving if their log is not read, is closed, or grows fast.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wa_cloud::flows::AppSecret;
use wa_cloud::flows::client::{PhoneKey, sign};
use wa_cloud::keys::PrivateKey;

use crate::support::{APP_SECRET, PRIVATE, Process, close_secret_files, wa};

/// A server as a process, at its default settings.
struct Server {
    process: Process,
    address: String,
    admin: String,
    _directory: TempDir,
}

impl Server {
    /// Starts a gateway whose log goes to `stderr`.
    fn gateway(args: &[&str], stderr: impl Into<Stdio>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        close_secret_files();
        fs::copy(PRIVATE, directory.path().join("key.pem")).unwrap();
        fs::write(directory.path().join("app-secret.txt"), APP_SECRET).unwrap();
        let text = "listen = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n[[endpoint]]\npath = \
                    \"/flow\"\n\
                    keys = \"key.pem\"\napp_secret_file = \"app-secret.txt\"\nupstream = \
                    \"http://127.0.0.1:9/\"\n";
        fs::write(directory.path().join("gateway.toml"), text).unwrap();
        let mut command = wa();
        command
            .current_dir(directory.path())
            .args(["gateway", "--json", "--config", "gateway.toml"])
            .args(args);
        Self::start(command, stderr, directory)
    }

    fn emulator(args: &[&str], stderr: impl Into<Stdio>) -> Self {
        let mut command = wa();
        command.args(["emulator", "--json"]).args(args);
        Self::start(command, stderr, tempfile::tempdir().unwrap())
    }

    fn start(command: Command, stderr: impl Into<Stdio>, directory: TempDir) -> Self {
        let mut process = Process::start(command, stderr);
        let ready: serde_json::Value = serde_json::from_str(&process.read_until("}\n")).unwrap();
        let address = |name: &str| {
            let text = ready[name].as_str().unwrap_or_default();
            text.trim_start_matches("http://").to_owned()
        };
        Self {
            address: address("ready"),
            admin: address("admin"),
            process,
            _directory: directory,
        }
    }

    /// Sends requests over one connection, in portions, and returns the statuses of the responses.
    fn send<'a>(&self, requests: impl IntoIterator<Item = &'a [u8]>) -> Vec<u16> {
        let mut stream = connect(&self.address);
        let mut responses = BufReader::new(stream.try_clone().unwrap());
        let requests: Vec<&[u8]> = requests.into_iter().collect();
        let mut statuses = Vec::new();
        for portion in requests.chunks(50) {
            stream.write_all(&portion.concat()).unwrap();
            statuses.extend(portion.iter().map(|_| response(&mut responses).0));
        }
        statuses
    }

    fn metric(&self, name: &str) -> u64 {
        let mut stream = connect(&self.admin);
        let host = &self.admin;
        write!(stream, "GET /metrics HTTP/1.1\r\nhost: {host}\r\n\r\n").unwrap();
        let (status, body) = response(&mut BufReader::new(stream));
        assert_eq!(status, 200);
        let line = body.lines().find_map(|line| line.strip_prefix(name));
        line.expect(name).trim().parse().unwrap()
    }
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    // A server that hangs fails the test instead of blocking it.
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

/// Reads a response with a `content-length`.
fn response(stream: &mut BufReader<TcpStream>) -> (u16, String) {
    let mut line = String::new();
    stream.read_line(&mut line).expect("no response in time");
    let status = line.split(' ').nth(1).expect("closed").parse().unwrap();
    let mut length = 0;
    while line != "\r\n" {
        line.clear();
        assert!(stream.read_line(&mut line).unwrap() > 0);
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (status, String::from_utf8(body).unwrap())
}

fn request(method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
        .into_bytes()
}

/// Creates a ping as Meta's servers send it.
fn signed_ping() -> Vec<u8> {
    let key = PrivateKey::parse(fs::read(PRIVATE).unwrap(), None).unwrap();
    let phone = PhoneKey::new(key.public_key()).unwrap();
    let ping = phone.encrypt(br#"{"version":"3.0","action":"ping"}"#).unwrap();
    let signature = sign(&AppSecret::new(APP_SECRET).unwrap(), ping.body());
    let headers = format!("content-type: application/json\r\nx-hub-signature-256: {signature}\r\n");
    request(
        "POST",
        "/flow",
        &headers,
        std::str::from_utf8(ping.body()).unwrap(),
    )
}

/// Creates a signed request that is not an envelope. Its refusal is always logged.
fn signed_non_envelope() -> Vec<u8> {
    let signature = sign(&AppSecret::new(APP_SECRET).unwrap(), b"{}");
    let headers = format!("content-type: application/json\r\nx-hub-signature-256: {signature}\r\n");
    request("POST", "/flow", &headers, "{}")
}

#[test]
fn a_gateway_serves_and_stops_if_its_log_is_not_read() {
    let mut gateway = Server::gateway(&[], Stdio::piped());
    let (put, invalid) = (request("PUT", "/flow", "", ""), signed_non_envelope());
    let cheap = (0..2900).map(|at| if at % 2 == 0 { &put } else { &invalid });
    let statuses = gateway.send(cheap.map(Vec::as_slice));
    let count = |status: u16| statuses.iter().filter(|seen| **seen == status).count();
    assert_eq!((count(405), count(400)), (1450, 1450));
    let pings: Vec<Vec<u8>> = (0..100).map(|_| signed_ping()).collect();
    let statuses = gateway.send(pings.iter().map(Vec::as_slice));
    assert_eq!(statuses, [200; 100]);
    // The pipe is full, but the queue is not.
    assert_eq!(gateway.metric("wa_gateway_log_lines_dropped_total"), 0);
    let (status, took) = gateway.process.terminate_unread();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_gateway_serves_if_its_log_is_closed() {
    let mut gateway = Server::gateway(&[], Stdio::piped());
    drop(gateway.process.child.stderr.take());
    let (ping, invalid) = (signed_ping(), signed_non_envelope());
    let requests = (0..200).map(|_| invalid.as_slice()).chain([ping.as_slice()]);
    assert_eq!(gateway.send(requests).last(), Some(&200));
    assert!(gateway.metric("wa_gateway_log_lines_dropped_total") > 0);
    assert_eq!(gateway.process.terminate_unread().0.code(), Some(0));
}

#[test]
fn an_emulator_serves_and_stops_if_its_log_is_not_read() {
    let mut emulator = Server::emulator(&["-vv"], Stdio::piped());
    let get = request("GET", "/v25.0/106540352242922", "", "");
    let statuses = emulator.send((0..3000).map(|_| get.as_slice()));
    assert_eq!(statuses.len(), 3000);
    assert!(statuses.iter().all(|status| *status >= 400), "{statuses:?}");
    let (status, took) = emulator.process.terminate_unread();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// Creates a log file, and returns it with its path.
fn log_file(directory: &Path) -> (File, std::path::PathBuf) {
    let path = directory.join("log");
    (File::create(&path).unwrap(), path)
}

#[test]
fn a_flood_of_one_client_writes_less_than_a_megabyte_of_log() {
    let directory = tempfile::tempdir().unwrap();
    let (file, path) = log_file(directory.path());
    let mut gateway = Server::gateway(&["-v"], file);
    let forged = format!(
        "content-type: application/json\r\nx-hub-signature-256: sha256={}\r\n",
        "0".repeat(64)
    );
    let floods = [
        request("PUT", "/flow", "", ""),
        request("POST", "/flow", "content-type: text/plain\r\n", ""),
        request("POST", "/flow", &forged, "{}"),
        request("GET", "/wp-login.php", "", ""),
    ];
    for flood in &floods {
        let statuses = gateway.send((0..3000).map(|_| flood.as_slice()));
        assert!(statuses.iter().all(|status| *status >= 400));
    }
    // Input that is not HTTP: with -v, each connection is logged.
    for _ in 0..500 {
        let mut stream = connect(&gateway.address);
        stream.write_all(b"\x16\x03\x01 garbage\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(gateway.send([signed_ping().as_slice()]), [200]);
    gateway.process.terminate_unread();
    let log = fs::read_to_string(&path).unwrap();
    assert!(log.len() < 150_000, "{} bytes", log.len());
    assert_eq!(log.matches("answered a Flow request").count(), 1);
    assert!(log.contains("\"suppressed\":"), "{log}");
}

/// Measures floods of 3 seconds: `cargo test -p wa-cli --test it log:: -- --ignored --nocapture`.
#[test]
#[ignore = "takes 3 seconds for each kind of flood; run with --ignored --nocapture"]
fn floods_of_three_seconds_write_less_than_a_megabyte_of_log() {
    for flood in [
        request("PUT", "/flow", "", ""),
        request("POST", "/flow", "content-type: application/json\r\n", "{}"),
        request("GET", "/wp-login.php", "", ""),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let (file, path) = log_file(directory.path());
        let mut gateway = Server::gateway(&["-v"], file);
        let begun = Instant::now();
        let mut sent = 0;
        while begun.elapsed() < Duration::from_secs(3) {
            sent += gateway.send((0..500).map(|_| flood.as_slice())).len();
        }
        gateway.process.terminate_unread();
        let bytes = fs::metadata(&path).unwrap().len();
        eprintln!("{sent} requests, {bytes} bytes of log");
        assert!(bytes < 1_000_000, "{bytes}");
    }
}
