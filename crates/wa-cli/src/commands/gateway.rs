//! `wa gateway`.

use std::sync::Arc;

use serde_json::json;
use wa_gateway::{ConfigErrors, Gateway, GatewayConfig};

use super::Context;
use crate::args::GatewayArgs;
use crate::failure::{Exit, Failure};

pub(crate) async fn run(context: &mut Context, args: &GatewayArgs) -> Result<Exit, Failure> {
    let environment = Arc::clone(&context.environment);
    let lookup = move |name: &str| environment.get(name).map(|value| value.as_str().to_owned());
    let config = GatewayConfig::load(args.config.as_deref(), &args.settings.0, lookup).map_err(wrong)?;
    if args.check {
        let report = config.check().map_err(wrong)?;
        let endpoint = |endpoint: &wa_gateway::CheckedEndpoint| {
            let keys: Vec<String> = endpoint.keys().iter().map(ToString::to_string).collect();
            json!({ "name": endpoint.name(), "keys": keys })
        };
        let endpoints: Vec<_> = report.endpoints().iter().map(endpoint).collect();
        context.terminal.result(
            &report.to_string(),
            &json!({ "good": true, "endpoints": endpoints }),
        )?;
        return Ok(Exit::Good);
    }
    let gateway = Gateway::start(config).await.map_err(Failure::failed)?;
    let machine = json!({
        "ready": gateway.local_addr().to_string(),
        "admin": gateway.admin_addr().map(|address| address.to_string()),
    });
    context
        .terminal
        .result(&format!("ready {}\n", gateway.local_addr()), &machine)?;
    let cut_off = gateway.run_until_signal().await?;
    if cut_off > 0 {
        context.terminal.warn(&format!(
            "{cut_off} connections were still busy when the time to drain was over"
        ));
        return Ok(Exit::Failed);
    }
    Ok(Exit::Good)
}

/// A configuration that cannot be used is wrong usage; its text names every problem.
fn wrong(errors: ConfigErrors) -> Failure {
    Failure::usage(errors)
}
