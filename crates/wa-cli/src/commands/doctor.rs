//! `wa doctor`: why encrypted Flows do not work for one phone number.

use std::fmt::Write;

use serde_json::json;
use wa_cloud::fleet::{CheckResult, Diagnosis, Doctor, LocalKeys, Verdict};
use wa_cloud::graph::{GraphClient, GraphError, PhoneNumberId};
use wa_cloud::keys::Passphrase;
use wa_cloud::secrets::AppSecret;

use super::{Context, graph};
use crate::args::DoctorArgs;
use crate::failure::{Exit, Failure, Usage};
use crate::input::KeyPassphrase;
use crate::terminal::{BAD, FAINT, GOOD, STRONG, WARN, paint};
use crate::{settings, store};

pub(crate) async fn run(context: &mut Context, args: &DoctorArgs) -> Result<Exit, Failure> {
    let number = number(context, args)?;
    let keys = keys(context, args, &number).await?;
    let client = client(context, args).await?;
    let mut doctor = Doctor::new(client, number).local_keys(keys);
    let secret = settings::app_secret(args.connection.app_secret_file.as_ref());
    if let Some(secret) = secret.secret(&context.environment)? {
        let secret = AppSecret::new(secret.as_str()).map_err(|error| graph::setting("app secret", error))?;
        doctor = doctor.app_secret(secret);
    }
    if let Some(url) = &args.endpoint {
        doctor = doctor.endpoint(url);
    }
    if let Some(flow) = &args.flow_id {
        doctor = doctor.flow(flow);
    }
    if let Some(path) = &args.connection.root_certificate {
        let setting = format!("--root-certificate {}", path.display());
        let pem = std::fs::read(path).map_err(|error| graph::setting(&setting, error))?;
        doctor = doctor.root_certificates(pem);
    }
    let diagnosis = doctor.examine().await.map_err(|error| {
        let remedy = error.remedy();
        Failure::failed(error).with_hint(remedy)
    })?;
    let machine = json!({
        "number": diagnosis.number,
        "healthy": diagnosis.is_healthy(),
        "cause": diagnosis.cause().map(|finding| finding.check),
        "findings": diagnosis.findings,
    });
    context.terminal.result(&report(&diagnosis), &machine)?;
    Ok(if diagnosis.is_healthy() {
        Exit::Success
    } else {
        Exit::CheckFailed
    })
}

fn number(context: &Context, args: &DoctorArgs) -> Result<PhoneNumberId, Failure> {
    let text = context
        .environment
        .or(args.phone_number_id.as_ref(), "WA_PHONE_NUMBER_ID");
    let text = text.ok_or(Usage::Missing {
        what: "the phone number id",
        hint: "pass --phone-number-id ID or set WA_PHONE_NUMBER_ID; the App Dashboard shows the id under API \
               Setup",
    })?;
    text.trim()
        .parse()
        .map_err(|error| graph::setting("phone number id", error))
}

/// Reads the local keys; what is wrong with them is a finding.
async fn keys(context: &Context, args: &DoctorArgs, number: &PhoneNumberId) -> Result<LocalKeys, Failure> {
    let mut source = KeyPassphrase::of(&args.passphrase);
    let passphrase = source
        .given(&context.environment)?
        .map(|text| Passphrase::new(text.as_str()));
    if let Some(path) = &args.key {
        return Ok(LocalKeys::read_file(path, passphrase).await);
    }
    let Some(location) = context.environment.or(args.store.store.as_ref(), "WA_KEY_STORE") else {
        return Ok(LocalKeys::None);
    };
    let store = store::open(context, &args.store).await?;
    Ok(LocalKeys::read_store(&store, &location, number, passphrase.into_iter().collect()).await)
}

/// Returns a client that sends `appsecret_proof` only if the app requires it: a wrong app secret would make
/// every call fail, and is a finding of its own.
async fn client(context: &Context, args: &DoctorArgs) -> Result<GraphClient, Failure> {
    let build = |builder: wa_cloud::graph::GraphClientBuilder| {
        builder
            .build()
            .map_err(|error| graph::setting("Graph API settings", error))
    };
    let plain = build(graph::client_without_proof(
        &context.environment,
        &args.connection,
    )?)?;
    let needs_proof = |error: &GraphError| {
        error
            .api()
            .is_some_and(wa_cloud::graph::ApiError::needs_app_secret_proof)
    };
    match plain.debug_own_token().await {
        Err(error) if needs_proof(&error) => build(graph::client(&context.environment, &args.connection)?),
        _ => Ok(plain),
    }
}

fn report(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    let headline = match diagnosis.cause() {
        Some(cause) => format!("{} is broken", cause.check),
        None if diagnosis.is_healthy() => "nothing is broken".to_owned(),
        None => "not everything could be examined".to_owned(),
    };
    let _ = writeln!(
        text,
        "{}: {}",
        paint(STRONG, &diagnosis.number),
        paint(STRONG, headline)
    );
    for finding in &diagnosis.findings {
        text.push_str(&line(finding));
    }
    text
}

fn line(finding: &CheckResult) -> String {
    let (style, label) = match finding.verdict {
        Verdict::Broken => (BAD, "BROKEN "),
        Verdict::Warning => (WARN, "WARNING"),
        Verdict::Ok => (GOOD, "ok     "),
        _ => (FAINT, "unknown"),
    };
    let mut text = format!(
        "{}  {:<21}{}\n",
        paint(style, label),
        finding.check,
        finding.evidence
    );
    if let Some(remedy) = finding.remedy.as_ref().filter(|_| finding.verdict != Verdict::Ok) {
        let _ = writeln!(text, "{:9}{:<21}{}", "", "fix:", remedy);
    }
    text
}
