//! The types of setting values, parsed from TOML or from the text of a flag or variable.

mod key_store;
mod store;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;
use url::Url;
use wa_flows::TokenSignatureMode;
use wa_keys::file::is_key_text;

pub(crate) use key_store::{SetName, ShellCommand, StoreLocation};
pub(crate) use store::{Days, StoreUrl};

/// A type of setting value.
pub(crate) trait Kind: Sized {
    /// The expected form, for errors and the reference.
    const EXPECTED: &'static str;
    /// True if a flag can be repeated.
    const MANY: bool = false;

    /// Parses the text of a flag or a variable, or a TOML string.
    fn from_text(text: &str) -> Option<Self>;

    /// Parses a TOML value.
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    /// Parses the values of a flag.
    fn from_texts(texts: &[String]) -> Option<Self> {
        match texts {
            [text] => Self::from_text(text),
            _ => None,
        }
    }
}

/// A type of value that a setting can list.
trait Listed: Kind {
    /// The expected form of a list.
    const LIST_EXPECTED: &'static str;
}

/// The longest time of a setting; much longer ones could overflow clocks.
const LONGEST: Duration = Duration::from_hours(24);

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) usize);

/// Who handles requests that need no backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandledBy {
    Gateway,
    Upstream,
}

/// An address, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MaybeAddress(pub(crate) Option<SocketAddr>);

/// The URL of a backend. Its query is not printed, since it may contain a token.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Target(Url);

/// A host name without a port, in lowercase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName(String);

/// The name of an environment variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable(pub(crate) String);

impl Kind for SocketAddr {
    const EXPECTED: &'static str = "an IP address and a port, such as `127.0.0.1:8080` or `[::]:8080`";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Kind for MaybeAddress {
    const EXPECTED: &'static str = "an IP address and a port, such as `127.0.0.1:9464`, or `off`";

    fn from_text(text: &str) -> Option<Self> {
        if text == "off" {
            Some(Self(None))
        } else {
            text.parse().ok().map(|address| Self(Some(address)))
        }
    }
}

impl Kind for Duration {
    const EXPECTED: &'static str = "a time with its unit, such as `500ms`, `9s` or `2m`, at most `24h`";

    fn from_text(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text)?;
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        let time = number.checked_mul(milliseconds).map(Self::from_millis)?;
        (time <= LONGEST).then_some(time)
    }
}

impl Kind for Bytes {
    const EXPECTED: &'static str = "a size, such as `2 MiB`, `300 KiB` or a number of bytes";

    fn from_text(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text)?;
        let factor = match unit {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number
            .checked_mul(factor)
            .and_then(|bytes| usize::try_from(bytes).ok())
            .map(Self)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        match value {
            DeValue::Integer(number) => usize::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(Self),
            _ => value.as_str().and_then(Self::from_text),
        }
    }
}

impl Kind for usize {
    const EXPECTED: &'static str = "a whole number";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value
            .as_integer()
            .and_then(|number| Self::from_str_radix(number.as_str(), number.radix()).ok())
    }
}

impl Kind for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }
}

impl Kind for String {
    const EXPECTED: &'static str = "a string";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Kind for PathBuf {
    const EXPECTED: &'static str = "the path of a file";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty() && !is_key_text(text)).then(|| text.into())
    }
}

impl Kind for Variable {
    const EXPECTED: &'static str = "the name of an environment variable (capital letters, digits and underscores), not the secret itself";

    fn from_text(text: &str) -> Option<Self> {
        let name = text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        let begins = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        (name && begins).then(|| Self(text.to_owned()))
    }
}

impl HostName {
    /// Returns true if a host equals this one, ignoring case.
    pub(crate) fn is(&self, host: &str) -> bool {
        self.0.eq_ignore_ascii_case(host)
    }
}

impl Kind for HostName {
    const EXPECTED: &'static str = "a host name without scheme and port, such as `wa-gateway.monitoring.svc`";

    fn from_text(text: &str) -> Option<Self> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let labels = name
            .split('.')
            .all(|label| !label.is_empty() && label.len() <= 63);
        (labels && name.len() <= 253 && name.bytes().all(known)).then_some(Self(name))
    }
}

impl Listed for HostName {
    const LIST_EXPECTED: &'static str =
        "a host name without scheme and port, such as `wa-gateway.monitoring.svc`, or a list of them";
}

impl Listed for PathBuf {
    const LIST_EXPECTED: &'static str = "a path, or a list of paths";
}

impl Listed for Variable {
    const LIST_EXPECTED: &'static str = "the name of an environment variable (capital letters, digits and underscores), or a list of them, not the secret itself";
}

impl<T: Listed> Kind for Vec<T> {
    const EXPECTED: &'static str = T::LIST_EXPECTED;
    const MANY: bool = true;

    fn from_text(text: &str) -> Option<Self> {
        text.split(',').map(T::from_text).collect()
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        match value {
            DeValue::Array(values) if values.is_empty() => None,
            DeValue::Array(values) => values.iter().map(|value| T::from_toml(value.get_ref())).collect(),
            _ => T::from_toml(value).map(|value| vec![value]),
        }
    }

    fn from_texts(texts: &[String]) -> Option<Self> {
        texts.iter().map(|text| T::from_text(text)).collect()
    }
}

impl Target {
    pub(crate) fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Returns the whole URL with its query.
    pub(crate) fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the URL without its query.
    pub(crate) fn printable(&self) -> String {
        let mut url = self.0.clone();
        url.set_query(None);
        url.into()
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.printable())
    }
}

impl Kind for Target {
    const EXPECTED: &'static str =
        "an http or https URL without user name, password and fragment, such as `http://127.0.0.1:3000/flow`";

    fn from_text(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        (web && plain).then_some(Self(url))
    }
}

impl Kind for HandledBy {
    const EXPECTED: &'static str = "`gateway` or `upstream`";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "gateway" => Some(Self::Gateway),
            "upstream" => Some(Self::Upstream),
            _ => None,
        }
    }
}

impl Kind for TokenSignatureMode {
    const EXPECTED: &'static str = "`off`, `when-present` or `required`";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "off" => Some(Self::Off),
            "when-present" => Some(Self::WhenPresent),
            "required" => Some(Self::Required),
            _ => None,
        }
    }
}

fn split_unit(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_need_a_known_unit() {
        assert_eq!(Duration::from_text("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(Duration::from_text("2m"), Some(Duration::from_mins(2)));
        for text in ["", "9", "s", "-1s", "1.5s", "9d", "25h", "99999999999999999999s"] {
            assert_eq!(Duration::from_text(text), None, "{text}");
        }
        assert_eq!(Bytes::from_text("2 MiB"), Some(Bytes(2 << 20)));
        assert_eq!(Bytes::from_text("2097152"), Some(Bytes(2 << 20)));
        for text in ["", "MiB", "2 MB", "2mib", "18446744073709551615 KiB"] {
            assert_eq!(Bytes::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn urls_with_a_password_or_another_scheme_are_refused() {
        assert!(Target::from_text("https://backend.internal/flow?a=1").is_some());
        for text in [
            "",
            "backend:3000",
            "/flow",
            "ftp://a/b",
            "http://u@a/",
            "http://u:p@a/",
            "http://a/#b",
            "unix:/x",
        ] {
            assert_eq!(Target::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_secret_is_not_accepted_as_the_name_of_a_variable() {
        assert!(Variable::from_text("WA_APP_SECRET_2").is_some());
        for text in [
            "",
            "2A",
            "0123456789abcdef0123456789abcdef",
            "A B",
            "wa_secret",
            "A=B",
        ] {
            assert_eq!(Variable::from_text(text), None, "{text}");
        }
    }
}
