//! The reference of the control API.

use std::fmt::Write;

/// One call of the control API.
struct Call {
    method: &'static str,
    /// After `/_emulator`; `{…}` is a parameter.
    path: &'static str,
    body: &'static str,
    effect: &'static str,
    /// The name of the [`Command`](crate::Command), or empty for a call that only reads.
    command: &'static str,
}

const fn call(
    method: &'static str,
    path: &'static str,
    body: &'static str,
    effect: &'static str,
    command: &'static str,
) -> Call {
    Call {
        method,
        path,
        body,
        effect,
        command,
    }
}

const BUSINESS: &str = r#"`{"id", "name"}`"#;
const ACCOUNT: &str = r#"`{"id", "name", "business", "clients": []}`"#;
const NUMBER: &str = r#"`{"id", "account", "display_phone_number", "verified_name", "state"}`"#;
const FLOW: &str = concat!(
    r#"`{"id", "account", "name", "status", "endpoint_uri", "application", "#,
    r#""json_version", "data_api_version", "validation_errors": [], "#,
    r#""health_errors": [{"code", "description", "solution"}]}`"#
);
const TOKEN: &str = r#"`{"label", "token", "app", "scopes": [], "accounts": [], "expires_at"}`"#;
const LIMITS: &str = r#"`{"app", "account", "count_keys", "window_ms", "retry_after"}`"#;
const SHAPE: &str = r#"`{"no_key", "flat", "success_as_text", "numeric_account_ids"}`"#;
const FAULT: &str = r#"`{"fault", "method", "path", "number", "times", "headers": []}`"#;

const CALLS: &[Call] = &[
    call("GET", "/", "", "lists all objects, without secrets", ""),
    call(
        "POST",
        "/commands",
        "a list of commands",
        "executes them in order, and stops at the first that fails; returns the ids that each added",
        "",
    ),
    call(
        "POST",
        "/reset",
        "",
        "restores the state right after the start",
        "reset",
    ),
    call(
        "POST",
        "/businesses",
        BUSINESS,
        "adds a business, returns its id",
        "add_business",
    ),
    call(
        "POST",
        "/accounts",
        ACCOUNT,
        "adds an account, returns its id",
        "add_account",
    ),
    call(
        "POST",
        "/accounts/many",
        r#"`{"business", "count", "numbers"}`"#,
        "adds up to 10,000 accounts with up to 100,000 numbers in all, returns the ids of the accounts",
        "add_accounts",
    ),
    call(
        "POST",
        "/numbers",
        NUMBER,
        "adds a number, returns its id",
        "add_number",
    ),
    call(
        "POST",
        "/numbers/many",
        r#"`{"account", "count"}`"#,
        "adds up to 100,000 numbers, returns their ids",
        "add_numbers",
    ),
    call("GET", "/numbers/{id}", "", "returns a number", ""),
    call("DELETE", "/numbers/{id}", "", "removes a number", "remove_number"),
    call(
        "POST",
        "/numbers/{id}/reregister",
        "",
        "makes its key a MISMATCH until the next upload",
        "reregister",
    ),
    call(
        "POST",
        "/numbers/reregister",
        r#"`{"account", "numbers": []}`"#,
        "the same for the numbers of an account, for these numbers, or for all",
        "reregister",
    ),
    call(
        "PUT",
        "/numbers/{id}/state",
        "a state",
        "sets its state",
        "set_number_state",
    ),
    call(
        "PUT",
        "/numbers/{id}/key",
        "the PEM text as a JSON string",
        "sets its key, as another client would",
        "set_number_key",
    ),
    call(
        "DELETE",
        "/numbers/{id}/key",
        "",
        "removes its key",
        "set_number_key",
    ),
    call(
        "PUT",
        "/propagation_ms",
        "a number of milliseconds",
        "sets how long after an upload reads still return the previous key",
        "set_propagation_delay",
    ),
    call(
        "GET",
        "/keys?after={sequence}",
        "",
        "lists changes of keys, oldest first, 10,000 at most: time, number, change, fingerprint",
        "",
    ),
    call("DELETE", "/keys", "", "clears that list", "clear_key_log"),
    call("POST", "/flows", FLOW, "adds a Flow, returns its id", "add_flow"),
    call("DELETE", "/flows/{id}", "", "removes a Flow", "remove_flow"),
    call(
        "POST",
        "/apps",
        r#"`{"id", "secret", "name", "require_proof"}`"#,
        "adds an app",
        "add_app",
    ),
    call(
        "PUT",
        "/apps/{id}/require_proof",
        "`true` or `false`",
        "sets whether `appsecret_proof` is required",
        "require_proof",
    ),
    call("POST", "/tokens", TOKEN, "issues a token", "add_token"),
    call(
        "POST",
        "/tokens/{label}/expire",
        "",
        "expires a token",
        "expire_token",
    ),
    call(
        "POST",
        "/tokens/{label}/revoke",
        "",
        "revokes a token",
        "revoke_token",
    ),
    call(
        "PUT",
        "/tokens/{label}/permissions/{permission}",
        "",
        "grants a permission",
        "grant_permission",
    ),
    call(
        "DELETE",
        "/tokens/{label}/permissions/{permission}",
        "",
        "removes a permission",
        "drop_permission",
    ),
    call(
        "PUT",
        "/tokens/{label}/accounts",
        r#"`["id"]` or `null`"#,
        "limits a token to accounts; lifts the limit",
        "restrict_token",
    ),
    call(
        "PUT",
        "/limits",
        LIMITS,
        "sets rate limits and resets their counters",
        "set_rate_limits",
    ),
    call(
        "GET",
        "/limits",
        "",
        "returns the calls of each app and account: all, refused, and refused over a second after the first",
        "",
    ),
    call(
        "DELETE",
        "/limits",
        "",
        "removes the rate limits",
        "set_rate_limits",
    ),
    call(
        "PUT",
        "/shape",
        SHAPE,
        "sets the shapes of responses",
        "set_wire_shape",
    ),
    call(
        "PUT",
        "/clock",
        r#"`{"offset_seconds"}`"#,
        "sets how far Graph's clock is ahead: `Date`, expiry of tokens, times in the list of keys",
        "set_clock",
    ),
    call("POST", "/faults", FAULT, "adds a fault", "add_fault"),
    call("GET", "/faults", "", "lists the faults", ""),
    call("DELETE", "/faults", "", "removes the faults", "clear_faults"),
    call("GET", "/requests", "", "lists the received calls", ""),
    call("DELETE", "/requests", "", "clears that list", "clear_requests"),
];

const FAULTS: &[(&str, &str)] = &[
    (
        r#"{"error": {"status", "code", "message", …}}"#,
        "a Graph error; the call is not executed",
    ),
    (
        r#""app_rate_limit", "account_rate_limit""#,
        "code 4 or 80007 with usage headers at 100 %",
    ),
    (
        r#"{"status": {"status", "body", "content_type"}}"#,
        "any status and body",
    ),
    (r#""bad_gateway""#, "an HTML page with status 502"),
    (r#"{"redirect": {"location"}}"#, "a redirect (302)"),
    (r#"{"delay": {"ms"}}"#, "the regular response, later"),
    (r#""silence""#, "no response; the connection stays open"),
    (
        r#"{"late": {"ms"}}"#,
        "no response; the call takes effect after this time",
    ),
    (
        r#""stale_read""#,
        "the regular response, from before the last change of the key",
    ),
    (
        r#""reset", "reset_after""#,
        "a TCP reset, before or after the call takes effect",
    ),
    (r#"{"truncate": {"keep"}}"#, "a body that ends after `keep` bytes"),
    (r#"{"drip": {"chunk", "every_ms"}}"#, "a body in small pieces"),
];

/// Returns the reference of the control API as Markdown: the tables of calls and of faults.
pub fn control_reference() -> String {
    let mut text =
        String::from("| call, after `/_emulator` | body | effect | command |\n|---|---|---|---|\n");
    for call in CALLS {
        let command = match call.command {
            "" => String::new(),
            name => format!("`{name}`"),
        };
        let _ = writeln!(
            text,
            "| `{} {}` | {} | {} | {command} |",
            call.method, call.path, call.body, call.effect
        );
    }
    text.push_str("\n## Faults\n\n| fault | the call gets |\n|---|---|\n");
    for (fault, effect) in FAULTS {
        let _ = writeln!(text, "| `{fault}` | {effect} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{Refused, route};
    use super::*;

    /// Returns the names of all commands, from the parser's own message.
    fn commands() -> BTreeSet<String> {
        let error = serde_json::from_str::<crate::Command>("\"?\"")
            .unwrap_err()
            .to_string();
        let listed = error.split("expected one of ").nth(1).unwrap();
        listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    }

    #[test]
    fn the_reference_lists_every_command() {
        let listed: BTreeSet<String> = CALLS
            .iter()
            .filter(|call| !call.command.is_empty())
            .map(|call| call.command.to_owned())
            .collect();
        assert_eq!(listed, commands());
    }

    #[test]
    fn every_call_of_the_reference_exists() {
        for call in CALLS {
            let path = call.path.split('?').next().unwrap();
            let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
            let found = route(call.method, &segments, None, b"?");
            assert!(
                !matches!(found, Err(Refused::NoSuchCall)),
                "{} {}",
                call.method,
                call.path
            );
        }
    }
}
