//! The types of the replay store's settings.

use std::fmt;
use std::time::Duration;

use redis::IntoConnectionInfo as _;
use url::Url;

use crate::config::kind::{Kind, LONGEST, split_unit};

/// The URL of a replay store. Its user, password and query are not printed.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoreUrl(Url);

/// A time of up to a year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days(pub(crate) Duration);

impl Kind for Days {
    const EXPECTED: &'static str = "a time with its unit, such as `90m`, `12h` or `7d`, at most `365d`";

    fn from_text(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text)?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        let time = number.checked_mul(seconds).map(Duration::from_secs)?;
        (time <= 365 * LONGEST).then_some(Self(time))
    }
}

impl StoreUrl {
    /// The expected form, for errors and the reference.
    pub(crate) const EXPECTED: &'static str = "a URL such as `redis://127.0.0.1:6379` or `rediss://user:password@host:6379/0` (`valkey`, `valkeys` likewise)";

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_store = matches!(url.scheme(), "redis" | "rediss" | "valkey" | "valkeys") && url.has_host();
        // The client takes a fragment as an option that disables the verification of certificates.
        let is_safe = url.fragment().is_none();
        let is_usable = || url.clone().into_connection_info().is_ok();
        (is_store && is_safe && is_usable()).then_some(Self(url))
    }

    /// Returns the whole URL with its password.
    pub(crate) fn expose(&self) -> &Url {
        &self.0
    }

    pub(crate) fn is_tls(&self) -> bool {
        matches!(self.0.scheme(), "rediss" | "valkeys")
    }

    /// Returns the URL without user, password and query.
    pub(crate) fn printable(&self) -> String {
        let mut url = self.0.clone();
        // Both fail only for URLs without a host, which have no user or password.
        let _ = url.set_password(None);
        let _ = url.set_username("");
        url.set_query(None);
        url.into()
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printable())
    }
}

impl Kind for StoreUrl {
    const EXPECTED: &'static str = Self::EXPECTED;

    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_a_redis_url_whose_password_is_not_printed() {
        let url = StoreUrl::from_text("rediss://me:s3cr3t@store.internal:6380/2?protocol=resp3").unwrap();
        assert_eq!(url.printable(), "rediss://store.internal:6380/2");
        assert_eq!(format!("{url:?}"), url.printable());
        assert!(url.is_tls());
        for text in [
            "",
            "redis://",
            "store:6379",
            "http://store:6379",
            "unix:/run/redis.sock",
            "rediss://store#insecure",
            "redis://store/x",
        ] {
            assert_eq!(StoreUrl::from_text(text), None, "{text}");
        }
        assert_eq!(Days::from_text("7d"), Some(Days(Duration::from_hours(168))));
        for text in ["7", "366d", "1ms", "9999999999999999999d"] {
            assert_eq!(Days::from_text(text), None, "{text}");
        }
    }
}
