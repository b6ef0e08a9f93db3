//! The configuration of a gateway.

use wa_gateway::{GatewayConfig, Overrides};

/// A configuration file. With a mistake in it the files that it names are read too, so seeds name none that exist.
pub(crate) fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let environment = |name: &str| (name == "WA_APP_SECRET").then(|| "0123456789abcdef".to_owned());
    match GatewayConfig::parse(&text, &Overrides::new(), environment) {
        Ok(config) => drop((format!("{config:?}"), config.endpoint_names().count())),
        Err(errors) => {
            assert!(!errors.problems().is_empty());
            drop(errors.to_string());
        }
    }
}
