//! The doctor: why encrypted Flows do not work for one phone number, with evidence and remedy.

mod check;
mod diagnosis;
mod endpoint;
mod flow;
mod key;
mod local;
mod number;
mod ping;
mod probe;
mod stored;
mod tls;
mod token;

use std::fmt;

use wa_graph::{GraphClient, PhoneNumberId};
use wa_secrets::AppSecret;

pub use check::Check;
pub use diagnosis::{CheckResult, Diagnosis, Verdict};
pub use local::{LocalFile, LocalKeys};
pub use probe::ProbeError;
pub use stored::{StoredKey, StoredSet};

use self::diagnosis::Notes;
use self::probe::Probe;

/// Examines one phone number: token, number, registered key, local key, endpoint and Flow, in the order in
/// which one breaks the next.
///
/// It only reads: nothing is registered or stored, and the endpoint gets pings alone, as WhatsApp's health
/// check sends them. What is not given is not examined.
///
/// ```no_run
/// # async fn example(client: wa_graph::GraphClient) -> Result<(), Box<dyn std::error::Error>> {
/// use wa_fleet::{Doctor, LocalKeys};
/// use wa_secrets::AppSecret;
///
/// let doctor = Doctor::new(client, "106540352242922".parse()?)
///     .app_secret(AppSecret::new("0123456789abcdef0123456789abcdef")?)
///     .local_keys(LocalKeys::read_file("private.pem", None).await)
///     .endpoint("https://example.com/flow");
/// let diagnosis = doctor.examine().await?;
/// if let Some(cause) = diagnosis.cause() {
///     println!("{}: {}", cause.check, cause.evidence);
/// }
/// # Ok(()) }
/// ```
pub struct Doctor {
    client: GraphClient,
    number: PhoneNumberId,
    app_secret: Option<AppSecret>,
    local: LocalKeys,
    endpoint: Option<String>,
    flow: Option<String>,
    root_certificates: Option<Vec<u8>>,
}

impl Doctor {
    /// Creates a doctor for one phone number.
    #[must_use]
    pub fn new(client: GraphClient, number: PhoneNumberId) -> Self {
        Self {
            client,
            number,
            app_secret: None,
            local: LocalKeys::None,
            endpoint: None,
            flow: None,
            root_certificates: None,
        }
    }

    /// Sets the secret of the Meta app that is connected to the Flow; pings are signed with it.
    #[must_use]
    pub fn app_secret(mut self, secret: AppSecret) -> Self {
        self.app_secret = Some(secret);
        self
    }

    /// Sets the keys that the endpoint is to have.
    #[must_use]
    pub fn local_keys(mut self, keys: LocalKeys) -> Self {
        self.local = keys;
        self
    }

    /// Sets the URL of the endpoint. Default: that of the key set, else that of the Flow.
    #[must_use]
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// Sets the id of a Flow that uses the endpoint.
    #[must_use]
    pub fn flow(mut self, id: impl Into<String>) -> Self {
        self.flow = Some(id.into());
        self
    }

    /// Trusts these root certificates (PEM) for the endpoint too.
    #[must_use]
    pub fn root_certificates(mut self, pem: Vec<u8>) -> Self {
        self.root_certificates = Some(pem);
        self
    }

    /// Examines everything that was given, in about ten requests.
    ///
    /// A failure is a [`CheckResult`], not an error: the result is complete even if nothing works.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] if a root certificate is not a PEM certificate, or the HTTP client cannot be created.
    pub async fn examine(&self) -> Result<Diagnosis, ProbeError> {
        let probe = Probe::new(self.root_certificates.as_deref())?;
        let mut notes = Notes::default();
        let token = token::inspect(&self.client).await;
        // The app that is connected to the Flow decides which app secret is correct.
        let flow = match &self.flow {
            Some(id) if token.is_usable() => Some(flow::read(&self.client, id).await),
            _ => None,
        };
        let app = flow.as_ref().and_then(flow::Reading::app).or(token.app());
        token.judge(&mut notes);
        token::judge_secret(&self.client, app, self.app_secret.as_ref(), &mut notes).await;
        let registered = if token.is_usable() {
            let account = flow.as_ref().and_then(flow::Reading::account);
            number::examine(&self.client, &self.number, token.accounts(), account, &mut notes).await;
            key::examine(&self.client, &self.number, &self.local, &mut notes).await
        } else {
            notes.unknown(Check::Number, "not read: the token is refused");
            notes.unknown(Check::RegisteredKey, "not read: the token is refused");
            None
        };
        self.local.judge(&mut notes);
        let url = self.endpoint.as_deref().or(self.local.endpoint());
        let url = url.or(flow.as_ref().and_then(flow::Reading::endpoint));
        if let Some(url) = url {
            let subject = endpoint::Subject {
                url,
                registered: registered.as_ref(),
                local: &self.local,
                secret: self.app_secret.as_ref(),
            };
            endpoint::examine(&probe, &subject, &mut notes).await;
        }
        match (&self.flow, &flow) {
            (Some(id), Some(reading)) => reading.judge(id, url, token.app(), &mut notes),
            (Some(_), None) => notes.unknown(Check::Flow, "not read: the token is refused"),
            (None, _) => {}
        }
        Ok(notes.into_diagnosis(&self.number))
    }
}

impl fmt::Debug for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doctor")
            .field("number", &self.number)
            .field("endpoint", &self.endpoint)
            .field("flow", &self.flow)
            .finish_non_exhaustive()
    }
}
