//! Checks of the head of an HTTP request, before its body is read.

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Extensions, HeaderMap, Method};

use crate::endpoint::TraceContext;
use crate::signature::SIGNATURE_HEADER;
use crate::status::Refusal;

/// Refuses requests other than a POST of JSON. A request without a content type is taken for JSON.
pub(crate) fn check(head: &Parts) -> Result<(), Refusal> {
    if head.method != Method::POST {
        return Err(Refusal::MethodNotAllowed);
    }
    match head.headers.get(CONTENT_TYPE) {
        Some(value) if !is_json(value.as_bytes()) => Err(Refusal::UnsupportedMediaType),
        _ => Ok(()),
    }
}

/// The parts of a head that are needed after the check.
pub(crate) struct Needed {
    pub(crate) signature: Option<Box<[u8]>>,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) extensions: Extensions,
}

/// Copies what is needed out of a head. The rest shares the server's read buffer, which a pending body must
/// not keep in memory.
pub(crate) fn needed(head: Parts) -> Needed {
    Needed {
        signature: signature(&head.headers).map(Into::into),
        trace: TraceContext::from_headers(&head.headers),
        extensions: head.extensions,
    }
}

/// Returns the signature of a request; `None` if the header is missing or occurs more than once.
fn signature(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(SIGNATURE_HEADER).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.as_bytes())
}

/// Returns true for `application/json` and types with the suffix `+json` (RFC 6839 §3.1), with any
/// parameters.
fn is_json(media_type: &[u8]) -> bool {
    let essence = media_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let suffix = essence.last_chunk::<5>();
    essence.eq_ignore_ascii_case(b"application/json")
        || suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(b"+json"))
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn head(method: &str, content_type: Option<&str>) -> Parts {
        let mut request = Request::builder().method(method);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn only_a_post_is_allowed() {
        for method in ["GET", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "QUERY"] {
            assert_eq!(
                check(&head(method, None)),
                Err(Refusal::MethodNotAllowed),
                "{method}"
            );
        }
        assert_eq!(check(&head("POST", None)), Ok(()));
    }

    #[test]
    fn only_json_is_accepted() {
        for content_type in [
            "application/json",
            "Application/JSON ; charset=utf-8",
            "application/json;",
            "application/vnd.x+json",
        ] {
            assert_eq!(check(&head("POST", Some(content_type))), Ok(()), "{content_type}");
        }
        for content_type in [
            "text/plain",
            "",
            "application/jsonp",
            "multipart/form-data",
            "json",
            "text/x; a=+json",
        ] {
            let refusal = Err(Refusal::UnsupportedMediaType);
            assert_eq!(
                check(&head("POST", Some(content_type))),
                refusal,
                "{content_type}"
            );
        }
    }

    #[test]
    fn a_header_that_occurs_twice_is_no_signature() {
        let mut headers = HeaderMap::new();
        assert_eq!(signature(&headers), None);
        headers.append(SIGNATURE_HEADER, "sha256=00".parse().unwrap());
        assert_eq!(signature(&headers), Some(&b"sha256=00"[..]));
        headers.append(SIGNATURE_HEADER, "sha256=11".parse().unwrap());
        assert_eq!(signature(&headers), None);
    }
}
