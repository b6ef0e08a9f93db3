//! `POST /media/decrypt`: a media description in, the file out, so that backends need no cryptography.

use std::sync::OnceLock;

use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use wa_flows::{DownloadError, EncryptedMedia, MediaConfigError, MediaDownloader};

use crate::admin::{Reply, text, typed};
use crate::config::Settings;

/// A description has some 600 bytes.
const DESCRIPTION_LIMIT: usize = 16 * 1024;
/// Files that are fetched at a time: each is held in memory.
const AT_A_TIME: usize = 8;

const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const DESCRIPTION: &str = "the body is no media description: expected a JSON object with media_id, cdn_url and \
    encryption_metadata, as it came in the data of the Flow\n";

/// Fetches and decrypts media.
#[derive(Debug)]
pub(crate) struct Media {
    size_limit: usize,
    extra_hosts: Vec<String>,
    /// Made when it is first needed: most gateways never do.
    downloader: OnceLock<MediaDownloader>,
    slots: Semaphore,
}

impl Media {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            size_limit: settings.limits.media,
            extra_hosts: settings.media_hosts.clone(),
            downloader: OnceLock::new(),
            slots: Semaphore::new(AT_A_TIME),
        }
    }

    /// True if both settings make the same of it.
    pub(crate) fn is_same(one: &Settings, other: &Settings) -> bool {
        let what = |settings: &Settings| (settings.limits.media, settings.media_hosts.clone());
        what(one) == what(other)
    }

    /// The reply, and the result in one word.
    pub(crate) async fn decrypt(&self, request: Request<Incoming>) -> (Reply, &'static str) {
        // What a browser can be made to send without asking first is not of this type.
        let is_json = request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if !is_json {
            return (
                text(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json\n"),
                "bad_request",
            );
        }
        let Ok(body) = Limited::new(request.into_body(), DESCRIPTION_LIMIT)
            .collect()
            .await
        else {
            return (text(StatusCode::BAD_REQUEST, DESCRIPTION), "bad_request");
        };
        let Ok(media) = serde_json::from_slice::<EncryptedMedia>(&body.to_bytes()) else {
            return (text(StatusCode::BAD_REQUEST, DESCRIPTION), "bad_request");
        };
        let Ok(_slot) = self.slots.try_acquire() else {
            return (
                text(StatusCode::SERVICE_UNAVAILABLE, "too many files at a time\n"),
                "failed",
            );
        };
        let downloader = match self.downloader() {
            Ok(downloader) => downloader,
            Err(error) => {
                tracing::error!(%error, "media cannot be fetched");
                return (
                    text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
                    "failed",
                );
            }
        };
        match downloader.download(&media).await {
            Ok(file) => {
                let mut reply = typed(StatusCode::OK, BYTES, file);
                reply
                    .headers_mut()
                    .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
                (reply, "ok")
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(tracing::field::display);
                tracing::warn!(media_id = media.media_id(), %error, cause, "a media file was not decrypted");
                let (status, result) = outcome(&error);
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
        // If another request was faster, its downloader stays.
        let _ = self.downloader.set(downloader.clone());
        Ok(downloader)
    }
}

fn outcome(error: &DownloadError) -> (StatusCode, &'static str) {
    match error {
        DownloadError::UrlRefused => (StatusCode::FORBIDDEN, "refused"),
        DownloadError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "refused"),
        DownloadError::Media(_) => (StatusCode::UNPROCESSABLE_ENTITY, "refused"),
        DownloadError::TimedOut(_) => (StatusCode::GATEWAY_TIMEOUT, "failed"),
        _ => (StatusCode::BAD_GATEWAY, "failed"),
    }
}
