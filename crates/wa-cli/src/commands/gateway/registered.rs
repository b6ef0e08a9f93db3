//! `wa gateway --check --graph`: compares the keys of each endpoint with those registered for its phone
//! numbers.

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use wa_cloud::encryption::{BusinessPublicKey, EncryptionApi, EncryptionError, SignatureStatus};
use wa_cloud::graph::PhoneNumberId;
use wa_gateway::{CheckReport, CheckedEndpoint};

use crate::args::{ConnectionArgs, GatewayArgs};
use crate::commands::{Context, graph};
use crate::failure::Failure;
use crate::terminal::{BAD, GOOD, paint};

/// Numbers that are read at the same time.
const CONCURRENCY: usize = 8;

/// A phone number and what is registered for it.
pub(super) struct Compared {
    endpoint: String,
    number: String,
    found: Result<BusinessPublicKey, EncryptionError>,
    is_served: bool,
}

/// Reads what is registered for the numbers of the endpoints: those of their key sets, and for a single
/// endpoint those that are given.
pub(super) async fn compare(
    context: &mut Context,
    args: &GatewayArgs,
    report: &CheckReport,
) -> Result<Vec<Compared>, Failure> {
    let connection = ConnectionArgs {
        access_token_file: args.access_token_file.clone(),
        app_secret_file: None,
        graph_url: None,
        api_version: None,
        timeout: 60,
        root_certificate: None,
        danger_allow_plain_http: false,
    };
    let client = graph::client(&context.environment, &connection)?
        .build()
        .map_err(|error| graph::setting("Graph API settings", error))?;
    let mut wanted = Vec::new();
    for endpoint in report.endpoints() {
        let mut numbers = endpoint.numbers().to_vec();
        if report.endpoints().len() == 1 {
            numbers.extend(given_numbers(context, args));
        }
        numbers.sort();
        numbers.dedup();
        if numbers.is_empty() {
            context.terminal.warn(&format!(
                "endpoint {}: no phone number is known, so no key is compared; name one with \
                 --phone-number-id",
                endpoint.name()
            ));
        }
        for number in numbers {
            let id: PhoneNumberId = number
                .parse()
                .map_err(|error| graph::setting("phone number ID", error))?;
            wanted.push((endpoint, id));
        }
    }
    let compared = stream::iter(wanted)
        .map(|(endpoint, id)| compare_one(EncryptionApi::new(client.clone(), id), endpoint))
        .buffered(CONCURRENCY);
    Ok(compared.collect().await)
}

fn given_numbers(context: &Context, args: &GatewayArgs) -> Vec<String> {
    if !args.phone_number_id.is_empty() {
        return args.phone_number_id.clone();
    }
    let variable = context.environment.get("WA_PHONE_NUMBER_ID");
    let ids = variable.iter().flat_map(|ids| ids.split(','));
    ids.map(|id| id.trim().to_owned())
        .filter(|id| !id.is_empty())
        .collect()
}

async fn compare_one(api: EncryptionApi, endpoint: &CheckedEndpoint) -> Compared {
    let found = api.get_business_public_key().await;
    let registered = found.as_ref().ok().and_then(BusinessPublicKey::fingerprint);
    Compared {
        endpoint: endpoint.name().to_owned(),
        number: api.phone_number_id().to_string(),
        is_served: registered.is_some_and(|key| endpoint.keys().contains(&key)),
        found,
    }
}

impl Compared {
    /// Returns true if phones can use the endpoint: the registered key is valid, and the endpoint has it.
    pub(super) fn is_good(&self) -> bool {
        self.is_served && self.found.as_ref().is_ok_and(BusinessPublicKey::is_usable)
    }

    /// Returns what is wrong; `None` if nothing is.
    fn problem(&self) -> Option<String> {
        let found = match &self.found {
            Err(error) => return Some(format!("cannot be read: {error}")),
            Ok(found) => found,
        };
        let Some(key) = found.fingerprint() else {
            return Some("no usable key is registered".to_owned());
        };
        if !self.is_served {
            return Some(format!(
                "endpoint {} does not serve key {}",
                self.endpoint,
                key.short()
            ));
        }
        match found.signature_status() {
            Some(SignatureStatus::Valid) => None,
            status => {
                let status = status.map_or("missing", SignatureStatus::as_str);
                Some(format!("the signature of key {} is {status}", key.short()))
            }
        }
    }

    pub(super) fn line(&self) -> String {
        let Self { number, endpoint, .. } = self;
        match self.problem() {
            Some(problem) => format!("{}  {number}  {problem}\n", paint(BAD, "NOT VALID")),
            None => format!(
                "{}      {number}  endpoint {endpoint} serves the registered key\n",
                paint(GOOD, "VALID")
            ),
        }
    }

    pub(super) fn machine(&self) -> Value {
        let found = self.found.as_ref().ok();
        json!({
            "endpoint": self.endpoint,
            "phone_number_id": self.number,
            "good": self.is_good(),
            "fingerprint": found.and_then(BusinessPublicKey::fingerprint).map(|key| key.to_string()),
            "served": self.is_served,
            "problem": self.problem(),
        })
    }
}
