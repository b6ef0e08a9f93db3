//! `POST /media/decrypt`: takes a media description and returns the decrypted file, so that backends need no
//! cryptography.

use std::error::Error;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use wa_flows::{DownloadError, EncryptedMedia, LogThrottle, MediaConfigError, MediaDownloader};

use crate::admin::{AdminResponse, text, typed};
use crate::config::Settings;
use crate::in_flight::{InFlight, ProtectionGuard};

/// Largest media description, in bytes; a usual one has about 600.
const DESCRIPTION_LIMIT: usize = 16 * 1024;
/// Longest time for the body of a request to arrive.
const DESCRIPTION_TIMEOUT: Duration = Duration::from_secs(5);
/// Concurrent downloads: files in memory, from the first byte fetched to the last byte sent.
const CONCURRENT_DOWNLOADS: usize = 6;

const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const DESCRIPTION: &str = "the body is not a media description: expected a JSON object with media_id, cdn_url and \
    encryption_metadata, as received in the data of the Flow\n";

/// The service behind `/media/decrypt`: downloads and decrypts media.
#[derive(Debug)]
pub(crate) struct Media {
    size_limit: usize,
    extra_hosts: Vec<String>,
    /// Built at the first use: most gateways decrypt no media.
    downloader: OnceLock<MediaDownloader>,
    slots: Arc<Semaphore>,
    log: MediaLog,
}

/// The rate-limited lines that any client of the admin address can cause.
#[derive(Debug)]
struct MediaLog {
    downloader: LogThrottle,
    download: LogThrottle,
}

impl Default for MediaLog {
    fn default() -> Self {
        Self {
            downloader: LogThrottle::new("media_downloader"),
            download: LogThrottle::new("media_download"),
        }
    }
}

/// A decrypted file that is being sent to the client. Its slot is released when its memory is.
struct Decrypted {
    file: Vec<u8>,
    _slot: Slot,
}

/// One of the concurrent downloads. It also protects its connection from eviction: no client of the admin
/// address is authenticated, so they must not be able to protect more connections than there are slots.
struct Slot {
    _permit: OwnedSemaphorePermit,
    _protection: Option<ProtectionGuard>,
}

impl AsRef<[u8]> for Decrypted {
    fn as_ref(&self) -> &[u8] {
        &self.file
    }
}

impl Media {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            size_limit: settings.limits.media,
            extra_hosts: settings.media_hosts.clone(),
            downloader: OnceLock::new(),
            slots: Arc::new(Semaphore::new(CONCURRENT_DOWNLOADS)),
            log: MediaLog::default(),
        }
    }

    /// Returns true if both settings result in the same service.
    pub(crate) fn is_same(one: &Settings, other: &Settings) -> bool {
        let relevant = |settings: &Settings| (settings.limits.media, settings.media_hosts.clone());
        relevant(one) == relevant(other)
    }

    /// Returns the response, and the value of the metric's label `result`.
    pub(crate) async fn decrypt<B>(&self, request: Request<B>) -> (AdminResponse, &'static str)
    where
        B: Body,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        if !is_json(request.headers()) {
            return (
                text(
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "the content type must be application/json\n",
                ),
                "bad_request",
            );
        }
        let in_flight = request.extensions().get::<InFlight>().cloned();
        let body = Limited::new(request.into_body(), DESCRIPTION_LIMIT).collect();
        let Ok(body) = timeout(DESCRIPTION_TIMEOUT, body).await else {
            return (
                text(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time\n"),
                "bad_request",
            );
        };
        let Ok(body) = body else {
            return (text(StatusCode::BAD_REQUEST, DESCRIPTION), "bad_request");
        };
        let Ok(media) = serde_json::from_slice::<EncryptedMedia>(&body.to_bytes()) else {
            return (text(StatusCode::BAD_REQUEST, DESCRIPTION), "bad_request");
        };
        let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() else {
            return (
                text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "too many concurrent downloads: try again later\n",
                ),
                "failed",
            );
        };
        let slot = Slot {
            _permit: permit,
            _protection: in_flight.as_ref().map(InFlight::protect),
        };
        let downloader = match self.downloader() {
            Ok(downloader) => downloader,
            Err(error) => {
                self.log.downloader.log(
                    |suppressed| tracing::error!(%error, suppressed, "cannot set up the media downloader"),
                );
                return (
                    text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
                    "failed",
                );
            }
        };
        match downloader.download(&media).await {
            Ok(file) => {
                let file = Bytes::from_owner(Decrypted { file, _slot: slot });
                let mut response = typed(StatusCode::OK, BYTES, file);
                response
                    .headers_mut()
                    .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                (response, "ok")
            }
            Err(error) => {
                self.log.download.log(|suppressed| {
                    let cause = error.source().map(tracing::field::display);
                    let media_id = media.media_id();
                    tracing::warn!(media_id, %error, cause, suppressed, "a media file was not decrypted");
                });
                let (status, result) = status_and_result(&error);
                (text(status, format!("{error}\n")), result)
            }
        }
    }

    fn downloader(&self) -> Result<MediaDownloader, MediaConfigError> {
        if let Some(downloader) = self.downloader.get() {
            return Ok(downloader.clone());
        }
        let mut builder = MediaDownloader::builder().size_limit(self.size_limit);
        for host in &self.extra_hosts {
            builder = builder.danger_allow_host(host.as_str()).danger_allow_plain_http();
        }
        let downloader = builder.build()?;
        // If a concurrent request has set it first, that one is kept.
        let _ = self.downloader.set(downloader.clone());
        Ok(downloader)
    }
}

/// Returns true if there is exactly one content type and it is `application/json`, with any parameters. A
/// browser sends this type to another origin only after a CORS preflight, and the admin address never permits
/// one.
fn is_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let (Some(content_type), None) = (types.next(), types.next()) else {
        return false;
    };
    let essence = content_type.as_bytes().split(|byte| *byte == b';').next();
    essence.is_some_and(|essence| essence.trim_ascii().eq_ignore_ascii_case(b"application/json"))
}

fn status_and_result(error: &DownloadError) -> (StatusCode, &'static str) {
    match error {
        DownloadError::NoUrl => (StatusCode::BAD_REQUEST, "bad_request"),
        DownloadError::UrlRefused => (StatusCode::FORBIDDEN, "refused"),
        DownloadError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "refused"),
        DownloadError::Media(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
        DownloadError::TimedOut(_) => (StatusCode::GATEWAY_TIMEOUT, "failed"),
        _ => (StatusCode::BAD_GATEWAY, "failed"),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::channel::Channel;
    use tokio::time::Instant;

    use super::*;

    fn media() -> Media {
        Media {
            size_limit: 1000,
            extra_hosts: Vec::new(),
            downloader: OnceLock::new(),
            slots: Arc::new(Semaphore::new(CONCURRENT_DOWNLOADS)),
            log: MediaLog::default(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_incomplete_description_times_out() {
        let (mut sender, body) = Channel::<Bytes>::new(1);
        sender.send_data("{".into()).await.unwrap();
        let request = Request::post("/media/decrypt").header(CONTENT_TYPE, "application/json");
        let started = Instant::now();
        let (response, result) = media().decrypt(request.body(body).unwrap()).await;
        assert_eq!(
            (response.status(), result),
            (StatusCode::REQUEST_TIMEOUT, "bad_request")
        );
        assert!(started.elapsed() <= Duration::from_secs(6), "on the paused clock");
    }

    #[tokio::test]
    async fn the_whole_content_type_is_compared() {
        for (types, accepted) in [
            (&["application/json"][..], true),
            (&["Application/JSON ; charset=utf-8"], true),
            (&["application/jsonx"], false),
            (&["application/json+x"], false),
            (&["text/plain; application/json"], false),
            (&["application/json", "text/plain"], false),
            (&[], false),
        ] {
            let request = types.iter().fold(Request::post("/"), |request, one| {
                request.header(CONTENT_TYPE, *one)
            });
            let body = http_body_util::Full::<Bytes>::default();
            let (response, _) = media().decrypt(request.body(body).unwrap()).await;
            let expected = if accepted {
                StatusCode::BAD_REQUEST
            } else {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            };
            assert_eq!(response.status(), expected, "{types:?}");
        }
    }
}
