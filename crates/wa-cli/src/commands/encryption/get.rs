//! `wa encryption get`.

use serde_json::json;
use wa_cloud::encryption::{BusinessPublicKey, RegisteredKey, SignatureStatus};

use super::report::{Outcome, each};
use super::{Context, client};
use crate::args::GetArgs;
use crate::failure::{Exit, Failure, Usage};
use crate::terminal::{BAD, GOOD, paint};

/// `--pem` was asked for, and there is no key to print.
#[derive(Debug, thiserror::Error)]
#[error("no key that can be read is registered")]
struct NoKey;

pub(crate) async fn run(context: &mut Context, args: &GetArgs) -> Result<Exit, Failure> {
    // Not clap's conflict: it does not see a global option that stands before the command.
    if args.pem && context.terminal.json() {
        return Err(Usage::PemWith { with: "--json" }.into());
    }
    let apis = client::apis(context, &args.graph)?;
    if args.pem && apis.len() > 1 {
        let with = "several phone numbers";
        return Err(Usage::PemWith { with }.into());
    }
    each(context, &apis, async |api| {
        let found = api.get_business_public_key().await.map_err(client::failed)?;
        if args.pem {
            let key = found.public_key().ok_or_else(|| Failure::failed(NoKey))?;
            return Ok(Outcome::new(Exit::Good, key.to_pem(), json!({})));
        }
        Ok(Outcome::new(Exit::Good, describe(&found), machine(&found)))
    })
    .await
}

fn describe(found: &BusinessPublicKey) -> String {
    let status = match found.signature_status() {
        Some(SignatureStatus::Valid) => paint(GOOD, "VALID"),
        Some(other) => paint(BAD, other),
        None => paint(BAD, "not told"),
    };
    let key = match found.registered() {
        RegisteredKey::Key(key) => format!("{}\n{}", key.fingerprint(), key.to_pem()),
        RegisteredKey::Unreadable { problem, .. } => {
            format!("none\nwhat is registered is no usable key: {problem}\n")
        }
        _ => "none\nno key is registered\n".to_owned(),
    };
    format!("status       {status}\nfingerprint  {key}")
}

fn machine(found: &BusinessPublicKey) -> serde_json::Value {
    let problem = match found.registered() {
        RegisteredKey::Unreadable { problem, .. } => Some(problem.to_string()),
        _ => None,
    };
    json!({
        "usable": found.is_usable(),
        "business_public_key": found.public_key().map(wa_cloud::keys::PublicKey::to_pem),
        "business_public_key_signature_status": found.signature_status().map(SignatureStatus::as_str),
        "fingerprint": found.fingerprint().map(|fingerprint| fingerprint.to_string()),
        "problem": problem,
    })
}
