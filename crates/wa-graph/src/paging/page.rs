//! One page of a listing (Meta, *Graph API paginated results*).

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::error::{GraphErrorKind, UnexpectedResponse};
use crate::response_body;

/// The rows of a page, and the cursor of the next page if there is one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page<T> {
    pub(super) rows: Vec<T>,
    pub(super) after: Option<String>,
}

impl<T: DeserializeOwned> Page<T> {
    pub(super) fn read(mut body: Value, status: StatusCode, base: &Url) -> Result<Self, GraphErrorKind> {
        let wrong = |problem: &str| GraphErrorKind::Unexpected(UnexpectedResponse::shape(status, 0, problem));
        let Some(Value::Array(rows)) = body.get_mut("data").map(Value::take) else {
            return Err(wrong("a listing has no array \"data\""));
        };
        let rows = rows
            .into_iter()
            .map(|row| response_body::decode(status, row))
            .collect::<Result<_, _>>()?;
        // The last page may still have a cursor: only `next` shows whether there is another page.
        let Some(next) = body
            .pointer("/paging/next")
            .and_then(Value::as_str)
            .filter(|next| !next.is_empty())
        else {
            return Ok(Self { rows, after: None });
        };
        let cursor = body
            .pointer("/paging/cursors/after")
            .and_then(Value::as_str)
            .filter(|after| !after.is_empty());
        match cursor.map(ToOwned::to_owned).or_else(|| cursor_in(next, base)) {
            Some(after) => Ok(Self {
                rows,
                after: Some(after),
            }),
            None => Err(wrong("a listing has a next page but no cursor for it")),
        }
    }
}

/// Returns the cursor in the URL of the next page, if that URL is on the same server.
fn cursor_in(next: &str, base: &Url) -> Option<String> {
    let next = Url::parse(next).ok()?;
    if next.origin() != base.origin() {
        return None;
    }
    next.query_pairs()
        .find(|(name, value)| name == "after" && !value.is_empty())
        .map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Result<Page<u32>, GraphErrorKind> {
        Page::read(
            body,
            StatusCode::OK,
            &Url::parse("https://graph.facebook.com").unwrap(),
        )
    }

    #[test]
    fn only_next_shows_that_there_is_another_page() {
        let url = "https://graph.facebook.com/v25.0/1/phone_numbers?after=B&access_token=x";
        for (paging, after) in [
            (json!(null), None),
            (json!({}), None),
            (json!({"cursors": {"after": "A"}}), None),
            (json!({"cursors": {"after": "A"}, "next": null}), None),
            (json!({"cursors": {"after": "A"}, "next": ""}), None),
            (json!({"cursors": {"after": "A"}, "next": url}), Some("A")),
            (
                json!({"cursors": {"after": "A"}, "next": "https://elsewhere.example/?after=C"}),
                Some("A"),
            ),
            (json!({"next": url}), Some("B")),
        ] {
            let page = read(json!({"data": [1, 2], "paging": paging})).unwrap();
            assert_eq!(
                page,
                Page {
                    rows: vec![1, 2],
                    after: after.map(ToOwned::to_owned)
                },
                "{paging}"
            );
        }
    }

    #[test]
    fn a_next_page_without_a_usable_cursor_is_an_error() {
        for next in [
            "https://elsewhere.example/?after=C",
            "https://graph.facebook.com/?before=C",
            "not a url",
        ] {
            assert!(
                read(json!({"data": [], "paging": {"next": next}})).is_err(),
                "{next}"
            );
        }
    }

    #[test]
    fn anything_else_than_a_listing_is_an_error() {
        for body in [
            json!({}),
            json!([]),
            json!({"data": {}}),
            json!({"data": null}),
            json!({"data": ["x"]}),
        ] {
            assert!(read(body.clone()).is_err(), "{body}");
        }
    }
}
