//! The description of a call to Graph, which the client sends.

use std::fmt;

use http::Method;

use crate::id::WabaId;

/// One call: method, path after the version, parameters, and whether it may be repeated.
///
/// `Debug` shows no parameters, because they may contain secrets.
///
/// ```
/// use wa_graph::GraphRequest;
///
/// let request = GraphRequest::get("106540352242922/whatsapp_business_encryption")
///     .query("fields", "business_public_key");
/// assert_eq!(request.path(), "106540352242922/whatsapp_business_encryption");
/// ```
#[derive(Clone)]
pub struct GraphRequest {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    form: Vec<(String, String)>,
    secrets: Vec<usize>,
    repeatable: bool,
    account: Option<WabaId>,
}

impl GraphRequest {
    /// Creates a GET for a path after the version, without a leading slash.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), true)
    }

    /// Creates a POST for a path after the version, without a leading slash. Parameters go into a
    /// form-urlencoded body.
    ///
    /// A POST is not retried if it is unknown whether the server executed it, unless it is marked as
    /// [`repeatable`](Self::repeatable).
    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path.into(), false)
    }

    fn new(method: Method, path: String, repeatable: bool) -> Self {
        Self {
            method,
            path,
            query: Vec::new(),
            form: Vec::new(),
            secrets: Vec::new(),
            repeatable,
            account: None,
        }
    }

    /// Adds a query parameter. Queries never appear in errors or logs.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a query parameter whose value is redacted if the response repeats it.
    #[must_use]
    pub(crate) fn secret_query(mut self, name: &str, value: &str) -> Self {
        self.secrets.push(self.query.len());
        self.query(name, value)
    }

    /// Adds a field to the form-urlencoded body.
    #[must_use]
    pub fn form(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.form.push((name.into(), value.into()));
        self
    }

    /// Marks the call as safe to execute twice, so that it may be retried after any temporary failure.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Names the WhatsApp Business Account that the call concerns, if the path does not begin with its id.
    ///
    /// While a rate limit of that account lasts, the client's [`Pacer`](crate::Pacer) keeps the call back.
    #[must_use]
    pub fn account(mut self, account: WabaId) -> Self {
        self.account = Some(account);
        self
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the path after the version.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether the call may be retried although the server may have executed it.
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// Returns the ids whose rate limits apply to the call: the object in the path, and the account.
    pub(crate) fn limited_ids(&self) -> impl Iterator<Item = &str> {
        let object = self.path.split('/').find(|segment| !segment.is_empty());
        object
            .into_iter()
            .chain(self.account.as_ref().map(WabaId::as_str))
    }

    pub(crate) fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    pub(crate) fn form_pairs(&self) -> &[(String, String)] {
        &self.form
    }

    pub(crate) fn secret_values(&self) -> Vec<&str> {
        self.secrets
            .iter()
            .filter_map(|index| self.query.get(*index))
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

impl fmt::Debug for GraphRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphRequest")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("repeatable", &self.repeatable)
            .finish_non_exhaustive()
    }
}
