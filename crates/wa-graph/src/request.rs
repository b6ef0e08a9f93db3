//! A call to Graph as a value: decided here, carried out by the client.

use std::fmt;

use http::Method;

/// One call: method, path below the version, parameters, and whether it may be repeated.
///
/// `Debug` shows no parameter, as they may hold secrets.
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
}

impl GraphRequest {
    /// Makes a GET of a path below the version, without a slash in front.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), true)
    }

    /// Makes a POST of a path below the version, without a slash in front; parameters go into a form-urlencoded body.
    ///
    /// A POST is not made again after a failure that leaves open whether it was carried out, unless
    /// [`repeatable`](Self::repeatable) says that this does no harm.
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
        }
    }

    /// Adds a query parameter. Queries never reach an error or a log.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// Adds a query parameter whose value is taken out of whatever the server answers, should it repeat it.
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

    /// Says that carrying out the call twice does no harm, so that it may be made again after any passing failure.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Returns the method.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the path below the version.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns whether the call may be made again although it may have been carried out.
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
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
