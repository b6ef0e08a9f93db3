//! Parameters of a call, from the query and from a body in any of the three encodings that Graph accepts.

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::Value;

use super::error::ErrorResponse;

/// Names and values, in the order in which they were sent.
#[derive(Debug, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn from_query(query: Option<&str>) -> Self {
        Self(
            form_urlencoded::parse(query.unwrap_or_default().as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// Returns the first value with this name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Parses a body by its `Content-Type`; without one it is parsed as a form, as Graph does.
    pub(crate) async fn from_body(headers: &HeaderMap, body: &Bytes) -> Result<Self, ErrorResponse> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let content_type = headers.get(CONTENT_TYPE).map_or(Ok(""), |value| value.to_str());
        let content_type = content_type.map_err(|_| unreadable("the Content-Type is not text"))?;
        let media_type = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match media_type.as_str() {
            "" | "application/x-www-form-urlencoded" => {
                Ok(Self(form_urlencoded::parse(body).into_owned().collect()))
            }
            "application/json" => from_json(body),
            "multipart/form-data" => from_multipart(content_type, body.clone()).await,
            _ => Ok(Self::default()),
        }
    }
}

fn from_json(body: &[u8]) -> Result<Params, ErrorResponse> {
    let members: serde_json::Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| unreadable("the body is not a JSON object"))?;
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(Params(
        members
            .into_iter()
            .map(|(name, value)| (name, text(value)))
            .collect(),
    ))
}

async fn from_multipart(content_type: &str, body: Bytes) -> Result<Params, ErrorResponse> {
    let broken = |_| unreadable("the multipart body is damaged");
    let boundary = multer::parse_boundary(content_type).map_err(broken)?;
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = multer::Multipart::new(whole, boundary);
    let mut params = Vec::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        let value = part.bytes().await.map_err(broken)?;
        let value = std::str::from_utf8(&value).map_err(|_| unreadable("a part is not UTF-8"))?;
        params.push((name, value.to_owned()));
    }
    Ok(Params(params))
}

fn unreadable(what: &str) -> ErrorResponse {
    ErrorResponse::invalid_parameter(format!("(#100) Invalid request: {what}"))
}
