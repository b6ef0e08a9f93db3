//! The usage headers, which show how close an app and an account are to their rate limits.

use std::fmt;
use std::time::Duration;

use http::HeaderMap;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

const APP: &str = "x-app-usage";
const BUSINESS: &str = "x-business-use-case-usage";

/// The usage in the headers of a response (Meta, *Graph API rate limits*), in percent of the limit within a
/// rolling hour.
///
/// Values that are not understood are omitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Usage {
    /// The app's usage, from `X-App-Usage`.
    pub app: Option<UsageShare>,
    /// The usage of business objects, from `X-Business-Use-Case-Usage`.
    pub business: Vec<BusinessUsage>,
}

/// Shares of a limit, in percent; at 100 and more, calls are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct UsageShare {
    /// Calls made.
    pub call_count: Option<u32>,
    /// Processing time used.
    pub total_time: Option<u32>,
    /// Processor time used.
    pub total_cputime: Option<u32>,
}

impl UsageShare {
    /// Returns the highest of the shares, in percent.
    pub fn highest(&self) -> Option<u32> {
        [self.call_count, self.total_time, self.total_cputime]
            .into_iter()
            .flatten()
            .max()
    }

    fn read(value: &Value) -> Self {
        Self {
            call_count: value.get("call_count").and_then(number),
            total_time: value.get("total_time").and_then(number),
            total_cputime: value.get("total_cputime").and_then(number),
        }
    }
}

/// The usage of one business object for one kind of call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusinessUsage {
    /// The id of the object, usually a WhatsApp Business Account.
    pub object_id: String,
    /// The kind of call, for example `whatsapp_business_management`.
    pub kind: Option<String>,
    /// The shares used.
    pub share: UsageShare,
    /// How long calls will be refused; the header contains whole minutes.
    pub regain_access_in: Option<Duration>,
}

impl Usage {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let texts = |name| {
            headers
                .get_all(name)
                .into_iter()
                .filter_map(|value| value.to_str().ok())
        };
        Self {
            app: texts(APP)
                .filter_map(|text| serde_json::from_str::<Value>(text).ok())
                .find(Value::is_object)
                .map(|value| UsageShare::read(&value)),
            business: texts(BUSINESS).flat_map(business).collect(),
        }
    }

    /// Returns whether the response had no usage headers.
    pub fn is_empty(&self) -> bool {
        self.app.is_none() && self.business.is_empty()
    }

    /// Returns how long calls will be refused: the longest time of all objects.
    pub fn regain_access_in(&self) -> Option<Duration> {
        self.business
            .iter()
            .filter_map(|usage| usage.regain_access_in)
            .max()
    }

    /// Returns the highest share of the app and all objects, in percent.
    pub fn highest(&self) -> Option<u32> {
        let business = self.business.iter().filter_map(|usage| usage.share.highest());
        self.app
            .and_then(|app| app.highest())
            .into_iter()
            .chain(business)
            .max()
    }
}

fn business(text: &str) -> Vec<BusinessUsage> {
    let Ok(Members(members)) = serde_json::from_str(text) else {
        return Vec::new();
    };
    let rows = |(object_id, value): (String, Value)| {
        let entries = match value {
            Value::Array(entries) => entries,
            Value::Object(_) => vec![value],
            _ => Vec::new(),
        };
        entries
            .into_iter()
            .filter(Value::is_object)
            .map(move |entry| BusinessUsage {
                object_id: object_id.clone(),
                kind: entry.get("type").and_then(Value::as_str).map(ToOwned::to_owned),
                share: UsageShare::read(&entry),
                regain_access_in: entry
                    .get("estimated_time_to_regain_access")
                    .and_then(number)
                    .filter(|minutes| *minutes > 0)
                    .map(|minutes| Duration::from_secs(u64::from(minutes) * 60)),
            })
    };
    members.into_iter().flat_map(rows).collect()
}

/// Reads a number that may be an integer, a decimal, or a string.
fn number(value: &Value) -> Option<u32> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    (0.0..=f64::from(u32::MAX))
        .contains(&number)
        .then(|| number.ceil() as u32)
}

/// The members of a JSON object, including repeated names, which the header is known to have.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(headers: &[(&'static str, &str)]) -> Usage {
        let headers = headers.iter().map(|(name, value)| {
            (
                http::HeaderName::from_static(name),
                http::HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            )
        });
        Usage::from_headers(&headers.collect())
    }

    #[test]
    fn both_headers_are_read() {
        let usage = usage(&[
            (APP, r#"{"call_count":28,"total_time":25,"total_cputime":25}"#),
            (
                BUSINESS,
                r#"{"102290129340398":[{"type":"whatsapp_business_management","call_count":100,"total_cputime":25,
                "total_time":25,"estimated_time_to_regain_access":19,"ads_api_access_tier":"standard_access"}]}"#
                    .replace('\n', " ")
                    .as_str(),
            ),
        ]);
        assert_eq!(usage.app.unwrap().highest(), Some(28));
        assert_eq!(usage.business[0].object_id, "102290129340398");
        assert_eq!(
            usage.business[0].kind.as_deref(),
            Some("whatsapp_business_management")
        );
        assert_eq!(usage.highest(), Some(100));
        assert_eq!(usage.regain_access_in(), Some(Duration::from_mins(19)));
    }

    #[test]
    fn repeated_names_are_kept_and_the_longest_wait_counts() {
        let usage = usage(&[(
            BUSINESS,
            concat!(
                r#"{"1":[{"estimated_time_to_regain_access":5,"call_count":1,"call_count":2}],"#,
                r#""1":[{"estimated_time_to_regain_access":3}]}"#,
            ),
        )]);
        assert_eq!(usage.business.len(), 2);
        assert_eq!(usage.business[0].share.call_count, Some(2));
        assert_eq!(usage.regain_access_in(), Some(Duration::from_mins(5)));
    }

    #[test]
    fn unusual_forms_are_read_as_far_as_possible() {
        let usage = usage(&[
            (APP, r#"{"call_count":"28","total_time":25.2,"total_cputime":-1}"#),
            (
                BUSINESS,
                r#"{"1":{"call_count":7},"2":[null,3,{"call_count":9,"estimated_time_to_regain_access":0}],"3":"x"}"#,
            ),
        ]);
        assert_eq!(
            usage.app.unwrap(),
            UsageShare {
                call_count: Some(28),
                total_time: Some(26),
                total_cputime: None
            }
        );
        assert_eq!(usage.business.len(), 2);
        assert_eq!(usage.regain_access_in(), None);
    }

    #[test]
    fn garbage_is_ignored() {
        for text in ["", "not json", "[]", "null", "{", "1", "\u{e9}", r#"{"1":1e999}"#] {
            let usage = usage(&[(APP, text), (BUSINESS, text)]);
            assert!(
                usage.is_empty()
                    || usage
                        == Usage {
                            app: Some(UsageShare::default()),
                            ..Usage::default()
                        },
                "{text}"
            );
            assert_eq!(usage.regain_access_in(), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_header_panics(text in "[\\[\\]{}:,\"a-z0-9.e-]{0,80}", minutes in proptest::prelude::any::<f64>()) {
            let wait = format!(r#"{{"1":[{{"estimated_time_to_regain_access":{minutes}}}]}}"#);
            for text in [text, wait] {
                let usage = usage(&[(APP, &text), (BUSINESS, &text)]);
                proptest::prop_assert_ne!(usage.regain_access_in(), Some(Duration::ZERO));
            }
        }
    }
}
