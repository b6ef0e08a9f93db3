//! `Retry-After` in both of its forms (RFC 9110 §10.2.3).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, header};

/// Returns the delay that the header requests.
///
/// A date is compared with the server's `Date` if there is one, so that a wrong local clock does no harm.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    let value = text(header::RETRY_AFTER)?;
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    let from = server_date(headers).unwrap_or(now);
    Some(http_date(value)?.duration_since(from).unwrap_or(Duration::ZERO))
}

/// Returns the server's time of day, from `Date`.
pub(crate) fn server_date(headers: &HeaderMap) -> Option<SystemTime> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    http_date(text.trim())
}

/// Parses the preferred form of an HTTP date, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
///
/// The two obsolete forms are not accepted.
fn http_date(text: &str) -> Option<SystemTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_weekday, rest) = text.split_once(", ")?;
    let mut words = rest.strip_suffix(" GMT")?.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = 1 + u64::try_from(MONTHS.iter().position(|month| *month == name)?).ok()?;
    let year: u64 = words.next()?.parse().ok()?;
    let mut clock = words.next()?.split(':').map(str::parse::<u64>);
    let (hour, minute, second) = (clock.next()?.ok()?, clock.next()?.ok()?, clock.next()?.ok()?);
    let plausible = (1970..=9999).contains(&year)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && clock.next().is_none()
        && words.next().is_none();
    if !plausible {
        return None;
    }
    let seconds = days_since_1970(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Counts days in the Gregorian calendar, with years that begin in March, so that the leap day is the last.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let days =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day.checked_sub(1)?;
    days.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).clone(), value.parse().unwrap()))
            .collect()
    }

    /// Expected values from `date -u -d "…" +%s`.
    #[test]
    fn dates_are_converted_to_unix_time() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Mon, 23 Nov 2026 04:39:03 GMT", 1_795_408_743),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
        ] {
            assert_eq!(
                http_date(text),
                Some(UNIX_EPOCH + Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn other_texts_are_not_dates() {
        for text in [
            "",
            "soon",
            "-1",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 25:49:37 GMT",
            "Sun, 06 Now 1994 08:49:37 GMT",
            "Sun, 00 Jan 1970 00:00:00 GMT",
            "Sun, 06 Nov 99999999999999999999 08:49:37 GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
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
        fn no_text_panics(text in "\\PC*", day in "[0-9]{1,3}", year in "[0-9]{1,20}", clock in "[0-9:]{0,12}") {
            let _ = http_date(&text);
            let date = http_date(&format!("Sun, {day} Nov {year} {clock} GMT"));
            proptest::prop_assert!(date.is_none_or(|date| date >= UNIX_EPOCH));
        }
    }
}
