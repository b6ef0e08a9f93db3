//! Downloads of media from a CDN on this machine.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;
use wa_flows::{
    DownloadError, EncryptedMedia, FileSink, MediaDownloader, MediaDownloaderBuilder, MediaError,
    MediaFixture,
};

/// Serves a file under `/file`, and faults under other paths.
async fn cdn(file: Vec<u8>) -> String {
    let redirect = |to: &'static str| get(move || async move { (StatusCode::FOUND, [(LOCATION, to)]) });
    let stalled = || async {
        std::future::pending::<()>().await;
        "never".into_response()
    };
    let app = Router::new()
        .route("/file", get(move || async move { file }))
        .route("/near", redirect("/file"))
        .route("/loop", redirect("/loop"))
        .route("/far", redirect("https://example.invalid/file"))
        .route("/inside", redirect("http://localhost/file"))
        .route("/stalled", get(stalled));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    base
}

fn local() -> MediaDownloaderBuilder {
    MediaDownloader::builder()
        .danger_allow_host("127.0.0.1")
        .danger_allow_plain_http()
}

fn plaintext() -> Vec<u8> {
    (0..200_000_u32).flat_map(u32::to_le_bytes).collect()
}

struct Scene {
    base: String,
    fixture: MediaFixture,
}

impl Scene {
    async fn new() -> Self {
        let fixture = MediaFixture::new("", "a.bin", &plaintext()).unwrap();
        Self {
            base: cdn(fixture.cdn_file.clone()).await,
            fixture,
        }
    }

    fn media(&self, path: &str) -> EncryptedMedia {
        let mut description = self.fixture.description.clone();
        description["cdn_url"] = json!(format!("{}{path}", self.base));
        serde_json::from_value(description).unwrap()
    }

    fn other_than_described(&self, member: &str) -> EncryptedMedia {
        let mut description = self.fixture.description.clone();
        description["cdn_url"] = json!(format!("{}/file", self.base));
        description["encryption_metadata"][member] = json!(base64_simd::STANDARD.encode_to_string([7; 32]));
        serde_json::from_value(description).unwrap()
    }
}

#[tokio::test]
async fn a_file_is_downloaded_into_memory_and_into_a_file() {
    let scene = Scene::new().await;
    let downloader = local().build().unwrap();
    assert_eq!(
        downloader.download(&scene.media("/file")).await.unwrap(),
        plaintext()
    );
    assert_eq!(
        downloader.download(&scene.media("/near")).await.unwrap(),
        plaintext()
    );

    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("upload.bin");
    let sink = FileSink::create(&place).await.unwrap();
    assert!(!place.exists(), "the file is not visible before it is verified");
    assert_eq!(
        downloader.download_to(&scene.media("/file"), sink).await.unwrap(),
        place
    );
    assert_eq!(std::fs::read(&place).unwrap(), plaintext());
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    assert_eq!(
        FileSink::create(&place).await.unwrap_err().kind(),
        std::io::ErrorKind::AlreadyExists
    );
}

#[tokio::test]
async fn a_file_that_fails_a_check_leaves_nothing_behind() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().unwrap();
    let downloader = local().build().unwrap();
    let cases = [
        ("encrypted_hash", MediaError::EncryptedHash),
        ("hmac_key", MediaError::Mac),
        ("encryption_key", MediaError::Plaintext),
        ("plaintext_hash", MediaError::Plaintext),
    ];
    for (member, expected) in cases {
        let sink = FileSink::create(folder.path().join("upload.bin")).await.unwrap();
        let error = downloader
            .download_to(&scene.other_than_described(member), sink)
            .await
            .unwrap_err();
        let DownloadError::Media(error) = error else {
            panic!("{member}: {error:?}")
        };
        assert_eq!(error, expected, "{member}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "{member}");
    }
}

#[tokio::test]
async fn redirects_limits_and_statuses_are_checked() {
    let scene = Scene::new().await;
    let downloader = local().build().unwrap();
    for path in ["/far", "/inside", "/loop"] {
        let error = downloader.download(&scene.media(path)).await.unwrap_err();
        assert!(matches!(error, DownloadError::Transport(_)), "{path}: {error:?}");
        assert!(!format!("{error:?}").contains(&scene.base), "{error:?}");
    }
    let error = downloader.download(&scene.media("/none")).await.unwrap_err();
    assert!(matches!(error, DownloadError::Status(404)));
    let small = local().size_limit(plaintext().len() - 1000).build().unwrap();
    let error = small.download(&scene.media("/file")).await.unwrap_err();
    assert!(matches!(error, DownloadError::TooLarge { .. }));
    let exact = local().size_limit(plaintext().len()).build().unwrap();
    assert!(exact.download(&scene.media("/file")).await.is_ok());
    let hasty = local().deadline(Duration::from_millis(100)).build().unwrap();
    let error = hasty.download(&scene.media("/stalled")).await.unwrap_err();
    assert!(matches!(error, DownloadError::TimedOut(_)));
}
