//! Servers of object storage, started by the tests that need them: moto for S3, azurite for Azure.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use wa_keystore::{Backend, open_url_with};

/// The key of the account that azurite's documentation names.
const AZURITE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A server that ends with the test.
pub(crate) struct Server {
    _process: Child,
    _folder: TempDir,
    port: u16,
    variables: Vec<(String, String)>,
    scheme: &'static str,
}

impl Server {
    /// Starts moto. None if it is not installed, which is an error on CI only.
    pub(crate) async fn moto() -> Option<Self> {
        let program = find("moto_server", "pip install 'moto[server]'")?;
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let variables = [
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
        ];
        let server = Self::start(command, port, "s3", &variables).await;
        server.put("/bucket", "").await;
        Some(server)
    }

    /// Starts azurite. None if it is not installed, which is an error on CI only.
    pub(crate) async fn azurite() -> Option<Self> {
        let program = find("azurite-blob", "npm install -g azurite")?;
        let port = free_port();
        let mut command = Command::new(program);
        command
            .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
            .args([
                "--silent",
                "--skipApiVersionCheck",
                "--inMemoryPersistence",
                "--disableTelemetry",
            ]);
        let variables = [
            ("AZURE_STORAGE_ACCOUNT_NAME", "devstoreaccount1".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", AZURITE_KEY.to_owned()),
            (
                "AZURE_STORAGE_ENDPOINT",
                format!("http://127.0.0.1:{port}/devstoreaccount1"),
            ),
            ("AZURE_ALLOW_HTTP", "true".to_owned()),
        ];
        let server = Self::start(command, port, "az", &variables).await;
        server.create_container().await;
        Some(server)
    }

    /// Creates the container `bucket` with a signed request, which the client of object storage cannot do.
    async fn create_container(&self) {
        let date = Command::new("date")
            .env("LC_ALL", "C")
            .args(["-u", "+%a, %d %b %Y %H:%M:%S GMT"])
            .output()
            .await
            .unwrap();
        let date = String::from_utf8(date.stdout).unwrap();
        let headers = format!("x-ms-date:{}\nx-ms-version:2021-12-02", date.trim());
        let resource = "/devstoreaccount1/devstoreaccount1/bucket\nrestype:container";
        let text = format!("PUT{}{headers}\n{resource}", "\n".repeat(12));
        let key =
            aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &BASE64.decode(AZURITE_KEY).unwrap());
        let signature = BASE64.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes()));
        let headers = headers.replace('\n', "\r\n");
        let headers = format!("{headers}\r\nAuthorization: SharedKey devstoreaccount1:{signature}\r\n");
        self.put("/devstoreaccount1/bucket?restype=container", &headers)
            .await;
    }

    async fn start(
        mut command: Command,
        port: u16,
        scheme: &'static str,
        variables: &[(&str, String)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let process = command
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        for _ in 0..300 {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        Self {
            _process: process,
            _folder: folder,
            port,
            variables: variables.collect(),
            scheme,
        }
    }

    /// Opens a prefix of the server's bucket.
    pub(crate) fn open(&self, prefix: &str) -> Arc<dyn Backend> {
        let location = format!("{}://bucket/{prefix}", self.scheme);
        open_url_with(&location, self.variables.clone()).unwrap()
    }

    /// Sends a `PUT` without a body, which needs no client.
    async fn put(&self, path: &str, headers: &str) {
        let mut connection = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let request = format!(
            "PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n{headers}\r\n"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        connection.read_to_end(&mut response).await.unwrap();
        assert!(
            response.starts_with(b"HTTP/1.1 2"),
            "{}",
            String::from_utf8_lossy(&response)
        );
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Finds a program in `PATH`, or where the hint installs it.
fn find(program: &str, hint: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let installed = root.join("target/tools/azurite/node_modules/.bin");
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths)
        .chain([installed])
        .map(|folder| folder.join(program))
        .find(|path| path.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "{program} is missing: run `{hint}`"
        );
        eprintln!("skipped: {program} is missing (`{hint}`)");
    }
    found
}
