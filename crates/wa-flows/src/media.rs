//! Files that users upload in a Flow: the request describes them, and WhatsApp's CDN stores them encrypted.

mod descriptor;
#[cfg(feature = "media")]
mod download;
#[cfg(feature = "fixtures")]
mod fixture;
#[cfg(feature = "media")]
mod sink;
mod stream;
mod wire;

pub use descriptor::{DescriptionError, EncryptedMedia, MediaError};
#[cfg(feature = "media")]
pub use download::{DownloadError, MediaConfigError, MediaDownloader, MediaDownloaderBuilder};
#[cfg(feature = "fixtures")]
pub use fixture::{FixtureError, MediaFixture};
#[cfg(feature = "media")]
pub use sink::{FileSink, MediaSink, MemorySink};
