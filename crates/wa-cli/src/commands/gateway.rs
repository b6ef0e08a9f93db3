//! `wa gateway`.

mod environment;
mod registered;

use std::sync::Arc;

use serde_json::{Value, json};
use wa_gateway::{
    CheckReport, CheckedEndpoint, ConfigErrors, ConfigProblem, Gateway, GatewayConfig, StartError,
};

use self::environment::ReloadableEnvironment;
use self::registered::Compared;
use super::Context;
use crate::args::GatewayArgs;
use crate::failure::{Exit, Failure};

pub(crate) async fn run(context: &mut Context, args: &GatewayArgs) -> Result<Exit, Failure> {
    let environment = ReloadableEnvironment::new(Arc::clone(&context.environment));
    let lookup = {
        let environment = environment.clone();
        move |name: &str| environment.get(name)
    };
    let mut flags = args.settings.0.clone();
    if context.environment.is_strict() {
        flags.set("strict-secrets", "true");
    }
    let config = GatewayConfig::load(args.config.as_deref(), &flags, lookup)
        .map(|config| config.before_reload(move || environment.refresh()));
    if args.check {
        let report = config.and_then(|config| config.check());
        return check(context, args, report).await;
    }
    let mut config = config.map_err(invalid)?;
    if let Some(queue) = context.log_queue.clone() {
        config = config.dropped_log_lines(move || queue.dropped());
    }
    let gateway = match Gateway::start(config).await {
        Ok(gateway) => gateway,
        Err(StartError::Config(errors)) => return Err(invalid(errors)),
        Err(error) => {
            let remedy = error.remedy();
            return Err(Failure::failed(error).with_hint(remedy));
        }
    };
    let machine = json!({
        "ready": gateway.local_addr().to_string(),
        "admin": gateway.admin_addr().map(|address| address.to_string()),
    });
    let ready = format!("ready {}\n", gateway.local_addr());
    // Signals are handled before the ready line is printed, because its reader may send one immediately.
    let served = gateway.run_until_signal();
    context.terminal.result(&ready, &machine)?;
    let cut_off = served.await?;
    if cut_off > 0 {
        context.terminal.warn(&format!(
            "{cut_off} exchanges were still in flight when the drain timeout expired"
        ));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Success)
}

/// Prints the result of `--check`. With `--json`, problems are part of the result, for deployment tools.
async fn check(
    context: &mut Context,
    args: &GatewayArgs,
    report: Result<CheckReport, ConfigErrors>,
) -> Result<Exit, Failure> {
    let report = match report {
        Ok(report) => report,
        Err(errors) if context.terminal.json() => {
            let problems: Vec<_> = errors.problems().iter().map(problem).collect();
            let machine = json!({ "good": false, "problems": problems });
            context.terminal.result("", &machine)?;
            return Ok(Exit::Usage);
        }
        Err(errors) => return Err(invalid(errors)),
    };
    let compared = if args.graph {
        registered::compare(context, args, &report).await?
    } else {
        Vec::new()
    };
    let is_good = compared.iter().all(Compared::is_good);
    let machine = json!({
        "good": is_good,
        "key_store": report.key_store(),
        "numbers": compared.iter().map(Compared::machine).collect::<Vec<_>>(),
        "listen": report.listen(),
        "admin": report.admin(),
        "endpoints": report.endpoints().iter().map(endpoint).collect::<Vec<_>>(),
        "warnings": report.warnings(),
    });
    let lines: String = compared.iter().map(Compared::line).collect();
    context.terminal.result(&format!("{report}\n{lines}"), &machine)?;
    Ok(if is_good { Exit::Success } else { Exit::CheckFailed })
}

fn endpoint(endpoint: &CheckedEndpoint) -> Value {
    let keys: Vec<String> = endpoint.keys().iter().map(ToString::to_string).collect();
    json!({
        "name": endpoint.name(),
        "path": endpoint.path(),
        "upstream": endpoint.upstream(),
        "signatures_checked": endpoint.checks_signatures(),
        "keys": keys,
        "revoked": endpoint.revoked(),
    })
}

fn problem(problem: &ConfigProblem) -> Value {
    json!({
        "where": problem.origin().to_string(),
        "key": problem.key(),
        "message": problem.line(),
        "help": problem.remedy(),
    })
}

/// Converts an invalid configuration into a usage error, whose text names every problem.
fn invalid(errors: ConfigErrors) -> Failure {
    Failure::usage(errors)
}
