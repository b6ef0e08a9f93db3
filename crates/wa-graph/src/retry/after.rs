//! `Retry-After` in both of its forms (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

/// Returns the time in the `Date` header: the server's clock.
pub(crate) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    httpdate::parse_http_date(text.trim()).ok()
}

/// Returns the delay that the header requests.
///
/// A date is compared with the server's `Date` if there is one, so that a wrong local clock does no harm.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let end = httpdate::parse_http_date(value).ok()?;
    let from = date(headers).unwrap_or(now);
    Some(end.duration_since(from).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::HeaderName;

    use super::*;

    fn headers(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).clone(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn seconds_and_dates_are_delays() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let later = "Sun, 06 Nov 1994 08:50:37 GMT";
        let minute = Some(Duration::from_mins(1));
        assert_eq!(
            retry_after(&headers(&[(&header::RETRY_AFTER, "60")]), now),
            minute
        );
        assert_eq!(
            retry_after(&headers(&[(&header::RETRY_AFTER, later)]), now),
            minute
        );
        assert_eq!(
            retry_after(
                &headers(&[(&header::RETRY_AFTER, later)]),
                now + Duration::from_secs(99)
            ),
            Some(Duration::ZERO)
        );
        assert_eq!(retry_after(&headers(&[]), now), None);
        assert_eq!(
            retry_after(
                &headers(&[(&header::RETRY_AFTER, "99999999999999999999999")]),
                now
            ),
            None
        );
    }

    #[test]
    fn a_date_counts_from_the_servers_own_clock() {
        let headers = headers(&[
            (&header::RETRY_AFTER, "Sun, 06 Nov 1994 08:50:37 GMT"),
            (&header::DATE, "Sun, 06 Nov 1994 08:49:37 GMT"),
        ]);
        assert_eq!(
            retry_after(&headers, SystemTime::now()),
            Some(Duration::from_mins(1))
        );
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in "[ -~]*", day in "[0-9]{1,3}", year in "[0-9]{1,20}", clock in "[0-9:]{0,12}") {
            for text in [text, format!("Sun, {day} Nov {year} {clock} GMT")] {
                let headers = headers(&[(&header::DATE, &text), (&header::RETRY_AFTER, &text)]);
                proptest::prop_assert!(date(&headers).is_none_or(|date| date >= UNIX_EPOCH));
                let _ = retry_after(&headers, SystemTime::now());
            }
        }
    }
}
