//! Downloads encrypted files from WhatsApp's CDN, and from no other host.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::{Attempt, Policy};
use tokio::time::timeout;
use url::{Host, Url};

use crate::media::descriptor::{EncryptedMedia, MediaError};
use crate::media::sink::{MediaSink, MemorySink};
use crate::media::stream::{BLOCK, MAC, MediaStream};

/// The number of redirects within the CDN that are followed.
const REDIRECTS: usize = 3;

/// Downloads and decrypts media.
///
/// `cdn_url` is untrusted input, so only `https` URLs on port 443 of hosts below `whatsapp.net` are fetched,
/// and redirects are followed only to such URLs.
///
/// ```
/// # async fn example(media: &wa_flows::EncryptedMedia) -> Result<(), Box<dyn std::error::Error>> {
/// use wa_flows::{FileSink, MediaDownloader};
///
/// let downloader = MediaDownloader::builder().build()?;
/// let path = downloader.download_to(media, FileSink::create("upload.jpg").await?).await?;
/// # drop(path);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MediaDownloader {
    client: reqwest::Client,
    allowed: Arc<Allowed>,
    size_limit: usize,
    deadline: Duration,
}

/// A builder of a [`MediaDownloader`].
#[derive(Debug)]
#[must_use = "a builder downloads nothing"]
pub struct MediaDownloaderBuilder {
    allowed: Allowed,
    size_limit: usize,
    deadline: Duration,
}

/// The hosts that files may be fetched from.
#[derive(Debug, Clone, Default)]
struct Allowed {
    extra_hosts: Vec<String>,
    plain_http: bool,
}

/// The HTTP client cannot be set up, because the system's TLS or name resolution fails.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct MediaConfigError(#[source] Box<dyn Error + Send + Sync>);

impl MediaConfigError {
    /// Returns what to do about it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(
            "install the system's certificate authorities (package ca-certificates)",
        ))
    }
}

/// The reason why a file was not downloaded. No message contains the URL: it is signed, so anyone who has it
/// can fetch the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownloadError {
    /// The description has no URL.
    #[error("the media description has no cdn_url")]
    NoUrl,
    /// The URL is not one of WhatsApp's CDN.
    #[error("cdn_url is refused: only https URLs of *.whatsapp.net are fetched")]
    UrlRefused,
    /// The CDN cannot be reached, redirects to another host, or closes the connection early.
    #[error("the file cannot be fetched from the CDN")]
    Transport(#[source] Box<dyn Error + Send + Sync>),
    /// The CDN returned a status other than 200.
    #[error("the CDN returned {0}")]
    Status(u16),
    /// The file is larger than the limit.
    #[error("the file is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes of the decrypted file.
        limit: usize,
    },
    /// The file did not arrive in time.
    #[error("the file did not arrive within {0:?}")]
    TimedOut(Duration),
    /// The file failed a check.
    #[error("the file does not match its description")]
    Media(#[source] MediaError),
    /// The sink failed.
    #[error("the decrypted file cannot be written")]
    Sink(#[source] io::Error),
}

impl DownloadError {
    /// Returns what to do about it; `None` if the cause explains it.
    pub fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(match self {
            Self::NoUrl => {
                "fetch the encrypted file by other means, and decrypt it with EncryptedMedia::decrypt"
            }
            Self::UrlRefused => "if you trust the host, allow it with danger_allow_host",
            Self::Transport(_) => {
                "check that this machine can reach *.whatsapp.net on port 443, then try again"
            }
            Self::Status(_) => {
                "ask the user to upload the file again: WhatsApp keeps files for up to 20 days"
            }
            Self::TooLarge { .. } => "raise size_limit if you expect files of this size",
            Self::TimedOut(_) => "try again, or raise the deadline",
            Self::Media(error) => return error.remedy(),
            Self::Sink(_) => return None,
        }))
    }
}

impl MediaDownloader {
    /// Returns a builder with the defaults: 25 MiB, 60 seconds, only WhatsApp's CDN.
    pub fn builder() -> MediaDownloaderBuilder {
        let size_limit = 25 * 1024 * 1024;
        MediaDownloaderBuilder {
            allowed: Allowed::default(),
            size_limit,
            deadline: Duration::from_mins(1),
        }
    }

    /// Downloads, verifies and decrypts a file into memory.
    ///
    /// # Errors
    ///
    /// Returns [`DownloadError`] if a step fails.
    pub async fn download(&self, media: &EncryptedMedia) -> Result<Vec<u8>, DownloadError> {
        self.download_to(media, MemorySink::new()).await
    }

    /// Downloads, decrypts and verifies a file piece by piece. The sink is committed once every check has
    /// passed, and dropped otherwise.
    ///
    /// # Errors
    ///
    /// Returns [`DownloadError`] if a step fails.
    pub async fn download_to<S: MediaSink>(
        &self,
        media: &EncryptedMedia,
        sink: S,
    ) -> Result<S::Output, DownloadError> {
        let url = media.expose_cdn_url().ok_or(DownloadError::NoUrl)?;
        let url = Url::parse(url).map_err(|_| DownloadError::UrlRefused)?;
        if !self.allowed.permits(&url) {
            return Err(DownloadError::UrlRefused);
        }
        let fetched = timeout(self.deadline, self.fetch(url, media, sink)).await;
        fetched.map_err(|_| DownloadError::TimedOut(self.deadline))?
    }

    async fn fetch<S: MediaSink>(
        &self,
        url: Url,
        media: &EncryptedMedia,
        mut sink: S,
    ) -> Result<S::Output, DownloadError> {
        let mut response = self.client.get(url).send().await.map_err(transport)?;
        if response.status() != http::StatusCode::OK {
            return Err(DownloadError::Status(response.status().as_u16()));
        }
        let mut room = self.size_limit.saturating_add(BLOCK + MAC);
        let too_large = || DownloadError::TooLarge {
            limit: self.size_limit,
        };
        if let Some(length) = response.content_length() {
            let length = usize::try_from(length).map_err(|_| too_large())?;
            if length > room {
                return Err(too_large());
            }
            // In one allocation: a buffer that grows leaves fragments that the allocator keeps.
            sink.reserve(length);
        }
        let mut stream = MediaStream::new(&media.secrets).map_err(DownloadError::Media)?;
        let mut plaintext = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(transport)? {
            room = room.checked_sub(piece.len()).ok_or_else(too_large)?;
            plaintext.clear();
            stream
                .update(&piece, &mut plaintext)
                .map_err(DownloadError::Media)?;
            sink.write(&plaintext).await.map_err(DownloadError::Sink)?;
        }
        plaintext.clear();
        stream.finish(&mut plaintext).map_err(DownloadError::Media)?;
        sink.write(&plaintext).await.map_err(DownloadError::Sink)?;
        sink.commit().await.map_err(DownloadError::Sink)
    }
}

impl MediaDownloaderBuilder {
    /// Sets the maximum size of the decrypted file in bytes; by default 25 MiB.
    pub fn size_limit(mut self, bytes: usize) -> Self {
        self.size_limit = bytes;
        self
    }

    /// Sets how long a download may take, from the first byte sent to the last one written; by default 60 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Also fetches from this host, on any port. Anyone who fills in a Flow can then make this program send
    /// requests to it.
    pub fn danger_allow_host(mut self, host: impl Into<String>) -> Self {
        self.allowed.extra_hosts.push(host.into());
        self
    }

    /// Also fetches over plain HTTP, but only from hosts set with
    /// [`danger_allow_host`](Self::danger_allow_host), and never from hosts of `whatsapp.net`.
    pub fn danger_allow_plain_http(mut self) -> Self {
        self.allowed.plain_http = true;
        self
    }

    /// Builds the downloader.
    ///
    /// # Errors
    ///
    /// Returns [`MediaConfigError`] if the HTTP client cannot be set up.
    pub fn build(self) -> Result<MediaDownloader, MediaConfigError> {
        let allowed = Arc::new(self.allowed);
        let policy = Arc::clone(&allowed);
        let client = reqwest::Client::builder()
            .redirect(Policy::custom(move |attempt: Attempt<'_>| {
                if attempt.previous().len() <= REDIRECTS && policy.permits(attempt.url()) {
                    attempt.follow()
                } else {
                    attempt.error("too many redirects, or a redirect to a host that is not allowed")
                }
            }))
            .referer(false)
            // Encrypted media does not compress, and the hash covers its bytes as sent.
            .no_gzip()
            .build()
            .map_err(|error| MediaConfigError(error.without_url().into()))?;
        Ok(MediaDownloader {
            client,
            allowed,
            size_limit: self.size_limit,
            deadline: self.deadline,
        })
    }
}

impl Allowed {
    fn permits(&self, url: &Url) -> bool {
        let anonymous = url.username().is_empty() && url.password().is_none();
        let permitted = match url.scheme() {
            "https" => is_cdn(url) || self.is_extra(url),
            // Plain HTTP is for extra hosts; WhatsApp's hosts always require TLS.
            "http" => self.plain_http && self.is_extra(url) && !is_of_whatsapp(url),
            _ => false,
        };
        anonymous && permitted
    }

    fn is_extra(&self, url: &Url) -> bool {
        url.host_str()
            .is_some_and(|host| self.extra_hosts.iter().any(|extra| extra == host))
    }
}

/// Returns true for hosts below `whatsapp.net`, on the scheme's default port.
fn is_cdn(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => url.port().is_none() && host.ends_with(".whatsapp.net"),
        _ => false,
    }
}

/// Returns true for `whatsapp.net` and every host below it, on any port, with or without a trailing dot.
fn is_of_whatsapp(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(host)) => {
            let host = host.trim_end_matches('.');
            host == "whatsapp.net" || host.ends_with(".whatsapp.net")
        }
        _ => false,
    }
}

fn transport(error: reqwest::Error) -> DownloadError {
    DownloadError::Transport(error.without_url().into())
}

impl fmt::Debug for MediaDownloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MediaDownloader")
            .field("allowed", &self.allowed)
            .field("size_limit", &self.size_limit)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_extra_hosts_and_never_for_whatsapp_net() {
        let allowed = Allowed {
            extra_hosts: [
                "127.0.0.1",
                "mmg.whatsapp.net",
                "mmg.whatsapp.net.",
                "whatsapp.net",
            ]
            .map(str::to_owned)
            .into(),
            plain_http: true,
        };
        for (url, permitted) in [
            ("http://127.0.0.1:8080/a", true),
            ("https://127.0.0.1/a", true),
            ("https://media.whatsapp.net/a", true),
            ("http://media.whatsapp.net/a", false),
            ("http://mmg.whatsapp.net/a", false),
            ("http://mmg.whatsapp.net:8080/a", false),
            ("http://mmg.whatsapp.net./a", false),
            ("http://whatsapp.net/a", false),
            ("http://evil.example/a", false),
        ] {
            assert_eq!(allowed.permits(&Url::parse(url).unwrap()), permitted, "{url}");
        }
    }

    #[test]
    fn only_the_cdn_over_https_is_permitted() {
        let permits = |url: &str| Allowed::default().permits(&Url::parse(url).unwrap());
        for url in [
            "https://mmg.whatsapp.net/v/x?y=z",
            "https://a.b.whatsapp.net:443/",
            "https://MMG.WhatsApp.NET/",
        ] {
            assert!(permits(url), "{url}");
        }
        for url in [
            "http://mmg.whatsapp.net/",
            "https://mmg.whatsapp.net:8443/",
            "https://whatsapp.net/",
            "https://whatsapp.net.evil.example/",
            "https://evilwhatsapp.net/",
            "https://mmg.whatsapp.net./",
            "https://mmg.whatsapp.net@evil.example/",
            "https://user@mmg.whatsapp.net/",
            "https://evil.example/?.whatsapp.net",
            "https://evil.example#.whatsapp.net",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest/meta-data",
            "file:///etc/passwd",
            "ftp://mmg.whatsapp.net/",
        ] {
            assert!(!permits(url), "{url}");
        }
    }
}
