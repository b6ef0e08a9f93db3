//! Configurations, good and bad.

use std::collections::HashMap;
use std::path::Path;

use wa_gateway::{ConfigErrors, GatewayConfig, Overrides, Setting, config_reference};

use crate::support::Files;

const ENDPOINT: &str = "[[endpoint]]\nkeys = \"keys\"\nupstream = \"http://127.0.0.1:3000/\"\n";

fn parse(text: &str) -> Result<GatewayConfig, ConfigErrors> {
    with(text, &[], &[("WA_APP_SECRET", "secret")])
}

fn with(
    text: &str,
    flags: &[(&str, &str)],
    environment: &[(&'static str, &'static str)],
) -> Result<GatewayConfig, ConfigErrors> {
    let mut overrides = Overrides::new();
    for (flag, value) in flags {
        assert!(overrides.set(flag, *value), "no flag {flag}");
    }
    let environment: HashMap<_, _> = environment.iter().copied().collect();
    GatewayConfig::parse(text, &overrides, move |name| {
        environment.get(name).map(|value| (*value).to_owned())
    })
}

/// What is wrong with a text before a sound endpoint, line by line.
fn problems(text: &str) -> String {
    parse(&format!("{text}\n{ENDPOINT}"))
        .map_or_else(|errors| problem_lines(&errors), |_| "nothing".to_owned())
}

fn problem_lines(errors: &ConfigErrors) -> String {
    let lines = errors.problems().iter().map(ToString::to_string);
    // What the files of the endpoint are worth is message too; it is tried elsewhere.
    lines
        .filter(|line| !line.contains("cannot read keys"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn each_mistake_has_its_own_words_and_its_place() {
    for (text, expected) in [
        ("lisen = \"127.0.0.1:80\"", "configuration:1: lisen: unknown key"),
        (
            "something_else = 1",
            "configuration:1: something_else: unknown key",
        ),
        ("\n[limit]", "configuration:2: limit: unknown key"),
        ("[limits]\nbdy = 1", "configuration:2: limits.bdy: unknown key"),
        (
            "listen = \"localhost\"",
            "configuration:1: listen: found `localhost`, expected an IP address and a port, such as `127.0.0.1:8080` or `[::]:8080`",
        ),
        (
            "listen = 8080",
            "configuration:1: listen: found `8080`, expected an IP address and a port, such as `127.0.0.1:8080` or `[::]:8080`",
        ),
        (
            "drain_timeout = 15",
            "configuration:1: drain_timeout: found `15`, expected a time with its unit, such as `500ms`, `9s` or `2m`, at most `24h`",
        ),
        (
            "watch_interval = \"1ms\"",
            "configuration:1: watch_interval: must be at least 50ms",
        ),
        (
            "[limits]\nbody = \"2 MB\"",
            "configuration:2: limits.body: found `2 MB`, expected a size, such as `2 MiB`, `300 KiB` or a number of bytes",
        ),
        (
            "[limits]\nbody = 0",
            "configuration:2: limits.body: must be more than 0",
        ),
        (
            "[limits]\nin_flight = 0",
            "configuration:2: limits.in_flight: must be at least 1",
        ),
        (
            "[limits]\nconnections = -1",
            "configuration:2: limits.connections: found `-1`, expected a whole number",
        ),
        ("limits = 3", "configuration:1: limits: expected a table"),
        (
            "[tls]\ncertificate = \"c.pem\"",
            "configuration:1: tls.private_key: missing: the PEM file of the certificate's private key",
        ),
        (
            "[tls]\nprivate_key = \"k.pem\"",
            "configuration:1: tls.certificate: missing: the PEM file of the certificate and its chain",
        ),
        (
            "[admin]\nlisten = \"0.0.0.0:9464\"",
            "configuration:2: admin.listen: not a loopback address: anyone who reaches it can read the metrics and decrypt media",
        ),
        (
            "listen = \"127.0.0.1:9464\"",
            "configuration: admin.listen: the same address as `listen`",
        ),
        (
            "[admin]\ndanger_public_admin = \"yes\"",
            "configuration:2: admin.danger_public_admin: found `yes`, expected `true` or `false`",
        ),
    ] {
        assert_eq!(problems(text), expected, "{text}");
    }
}

#[test]
fn each_mistake_of_an_endpoint_names_it() {
    let flaw = |more: &str| problem_lines(&parse(&format!("{ENDPOINT}{more}")).unwrap_err());
    for (more, expected) in [
        ("pth = \"/\"", "configuration:4: endpoint 1: pth: unknown key"),
        (
            "error_notices = \"upstream\"",
            "configuration:4: endpoint 1: error_notices: this key was renamed to `error_notifications`",
        ),
        (
            "app_secret = \"x\"",
            "configuration:4: endpoint 1: app_secret: the configuration must not contain secrets",
        ),
        (
            "passphrase = \"x\"",
            "configuration:4: endpoint 1: passphrase: the configuration must not contain secrets",
        ),
        (
            "name = \"my shop\"",
            "configuration:4: endpoint \"my shop\": name: found `my shop`, expected letters, digits, `-` and `_`, at most 64",
        ),
        (
            "path = \"flow\"",
            "configuration:4: endpoint 1: path: found `flow`, expected a path that begins with `/`, without `?`, `#` and spaces",
        ),
        (
            "name = \"a\"\npath = \"/a?b\"",
            "configuration:5: endpoint \"a\": path: found `/a?b`, expected a path that begins with `/`, without `?`, `#` and spaces",
        ),
        (
            "upstream_timeout = \"11s\"",
            "configuration:4: endpoint 1: upstream_timeout: must be more than 0 and at most 10s, the timeout of WhatsApp",
        ),
        (
            "connect_timeout = \"0s\"",
            "configuration:4: endpoint 1: connect_timeout: must be more than 0",
        ),
        (
            "ping = \"me\"",
            "configuration:4: endpoint 1: ping: found `me`, expected `gateway` or `upstream`",
        ),
        (
            "flow_token_signature = true",
            "configuration:4: endpoint 1: flow_token_signature: found `true`, expected `off`, `when-present` or `required`",
        ),
        (
            "app_secret_env = []",
            "configuration:4: endpoint 1: app_secret_env: expected the name of an environment variable (capital letters, digits and underscores), or a list of them, not the secret itself",
        ),
        (
            "app_secret_env = \"UNSET_SECRET\"",
            "configuration:4: endpoint 1: app_secret_env: cannot read the secret",
        ),
    ] {
        let found = parse(&format!("{ENDPOINT}{more}"))
            .and_then(|config| config.check())
            .unwrap_err();
        assert_eq!(problem_lines(&found), expected, "{more}");
    }
    assert_eq!(
        flaw("[[endpoint]]\nname = \"b\"\npath = \"/b\""),
        "configuration:4: endpoint \"b\": keys: missing: the path of the private keys\nconfiguration:4: endpoint \"b\": upstream: missing: the URL that decrypted requests are posted to"
    );
    let twice = ENDPOINT.to_owned() + ENDPOINT;
    assert_eq!(
        problem_lines(&parse(&twice).unwrap_err()),
        "configuration:4: endpoint 2: name: `default` is used by an earlier endpoint\nconfiguration:4: endpoint 2: path: `/` is used by an earlier endpoint"
    );
    for url in ["backend:3000", "ftp://backend/", "http://user:word@backend/"] {
        let text = ENDPOINT.replace("http://127.0.0.1:3000/", url);
        assert_eq!(
            problem_lines(&parse(&text).unwrap_err()),
            "configuration:3: endpoint 1: upstream: expected an http or https URL without user name, password and fragment, such as `http://127.0.0.1:3000/flow`"
        );
    }
}

#[test]
fn all_problems_are_told_at_once_with_those_of_the_files() {
    let text = format!(
        "lisen = 1\ndrain_timeout = 2\n[tls]\ncertificate = \"absent.pem\"\nprivate_key = \"absent.key\"\n{ENDPOINT}ping = 3\n"
    );
    let errors = parse(&text).unwrap_err();
    let lines: Vec<_> = errors.to_string().lines().map(str::to_owned).collect();
    let helps = lines.iter().filter(|line| line.starts_with("  hint: ")).count();
    assert_eq!(lines.len() - helps, errors.problems().len());
    for expected in ["lisen", "drain_timeout", "ping", "absent.pem", "cannot read keys"] {
        assert!(
            lines.iter().any(|line| line.contains(expected)),
            "{expected} in {lines:#?}"
        );
    }
    let text = format!(
        "unknown_key = 1\n[tls]\ncertificate = \"absent.pem\"\nprivate_key = \"absent.key\"\n{ENDPOINT}"
    );
    let message = parse(&text).unwrap_err().to_string();
    for expected in [
        "unknown_key",
        "absent.pem",
        "absent.key",
        "keys: cannot read keys",
    ] {
        assert!(message.contains(expected), "{expected} in {message}");
    }
}

#[test]
fn what_is_not_toml_is_told_by_its_line_without_its_text() {
    let message = parse("listen = \"127.0.0.1:80\"\nsecret = geheim\n")
        .unwrap_err()
        .to_string();
    assert!(message.starts_with("configuration:2: not TOML: "), "{message}");
    assert!(!message.contains("geheim"), "{message}");
}

#[test]
fn an_endpoint_without_an_app_secret_is_refused_unless_that_was_asked_for() {
    let without = |more: &str| with(&format!("{ENDPOINT}{more}"), &[], &[]);
    let message = problem_lines(&without("").unwrap_err());
    assert_eq!(
        message,
        "configuration:1: endpoint 1: app_secret_env: missing: the secret of the Meta app, which authenticates its requests: set `app_secret_file`, `app_secret_env` or the variable WA_APP_SECRET"
    );
    without("danger_skip_signature_check = true").unwrap();
    let message = problem_lines(
        &without("danger_skip_signature_check = true\nflow_token_signature = \"required\"").unwrap_err(),
    );
    assert_eq!(
        message,
        "configuration:1: endpoint 1: app_secret_env: missing: the app secret, which `flow_token_signature` requires"
    );
    // An empty variable is one that is not set: never an empty secret.
    assert!(with(ENDPOINT, &[], &[("WA_APP_SECRET", "")]).is_err());
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let text = format!("listen = \"127.0.0.1:1\"\n{ENDPOINT}");
    let listen = |flags: &[_], environment: &[_]| {
        let environment = [&[("WA_APP_SECRET", "s")], environment].concat();
        format!("{:?}", with(&text, flags, &environment).unwrap())
            .split("listen: ")
            .nth(1)
            .unwrap()[..11]
            .to_owned()
    };
    assert_eq!(listen(&[], &[]), "127.0.0.1:1");
    assert_eq!(
        listen(&[], &[("WA_GATEWAY_LISTEN", "127.0.0.1:2")]),
        "127.0.0.1:2"
    );
    assert_eq!(
        listen(
            &[("listen", "127.0.0.1:3")],
            &[("WA_GATEWAY_LISTEN", "127.0.0.1:2")]
        ),
        "127.0.0.1:3"
    );

    let message = with(
        &text,
        &[("listen", "here")],
        &[("WA_APP_SECRET", "s"), ("WA_GATEWAY_ADMIN_LISTEN", "there")],
    );
    let message = problem_lines(&message.unwrap_err());
    assert!(message.contains("--listen: listen: found `here`"), "{message}");
    assert!(
        message.contains("WA_GATEWAY_ADMIN_LISTEN: admin.listen: found `there`"),
        "{message}"
    );
}

#[test]
fn flags_alone_make_one_endpoint_and_set_none_of_several() {
    let flags = [
        ("keys", "a.pem"),
        ("keys", "b.pem"),
        ("upstream", "http://127.0.0.1:3000/"),
        ("name", "shop"),
    ];
    let config = with("", &flags, &[("WA_APP_SECRET", "s")]).unwrap();
    assert_eq!(config.endpoint_names().collect::<Vec<_>>(), ["shop"]);
    let printed = format!("{config:?}");
    assert!(printed.contains(r#"["a.pem", "b.pem"]"#), "{printed}");

    assert_eq!(
        problem_lines(&with("", &[], &[]).unwrap_err()),
        "configuration: endpoint: missing: an `[[endpoint]]` with `keys` and `upstream`, or the flags --keys and --upstream"
    );
    let several = format!(
        "{ENDPOINT}{}",
        ENDPOINT.replace("keys =", "name = \"b\"\npath = \"/b\"\nkeys =")
    );
    let message = with(
        &several,
        &[("upstream", "http://127.0.0.1:1/")],
        &[("WA_APP_SECRET", "s")],
    );
    assert_eq!(
        problem_lines(&message.unwrap_err()),
        "--upstream: endpoint.upstream: the file has 2 endpoints, and this flag or variable applies to a single one"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let errors = GatewayConfig::load(
        Some(Path::new("/nowhere/gateway.toml")),
        &Overrides::new(),
        |_| None,
    )
    .unwrap_err();
    let message = errors.to_string();
    assert!(
        message.starts_with("/nowhere/gateway.toml: cannot read the configuration file: "),
        "{message}"
    );
}

#[test]
fn a_check_tells_what_each_endpoint_has_and_what_is_wrong_with_its_files() {
    let files = Files::new();
    files.write_key("0.pem", 1);
    let config = crate::support::configure(
        &files,
        &crate::support::config_text("http://127.0.0.1:3000/x?token=hidden", ""),
    );
    let report = config.check().unwrap();
    let expected: Vec<_> = [0, 1]
        .map(|which| crate::support::key(which).public_key().fingerprint())
        .to_vec();
    assert_eq!(report.endpoints()[0].keys(), expected);
    let text = report.to_string();
    assert!(
        text.contains("endpoint shop: /flow -> http://127.0.0.1:3000/x\n  1 app secret\n"),
        "{text}"
    );
    assert!(!text.contains("hidden"));

    files.write("keys/0.pem", "no key");
    let errors = config.check().unwrap_err();
    let message = errors.to_string();
    assert!(
        message.contains("0.pem") && message.contains("gateway.toml:8: endpoint \"shop\": keys: "),
        "{message}"
    );
    assert!(errors.problems()[0].remedy().is_some());
    files.remove("keys/0.pem");
    files.remove("keys/1.pem");
    assert!(
        config
            .check()
            .unwrap_err()
            .to_string()
            .contains("contains no private key")
    );
}

#[test]
fn the_reference_has_every_setting_with_its_default() {
    let page = config_reference();
    assert!(Setting::all().count() > 20);
    for setting in Setting::all() {
        let default = setting
            .default_value()
            .map_or_else(|| "–".to_owned(), |default| format!("`{default}`"));
        let key = format!("| `{}` |", setting.key().rsplit('.').next().unwrap());
        let mut lines = page.lines().filter(|line| line.starts_with(&key));
        assert!(
            lines.any(|line| line.contains(setting.about()) && line.contains(&default)),
            "{key}"
        );
    }
}

#[test]
fn every_default_is_a_value_of_its_kind() {
    let text: String = format!("{ENDPOINT}name = \"x\"\n");
    let config = format!("{:?}", parse(&text).unwrap());
    for setting in Setting::all().filter(|setting| setting.default_value().is_some()) {
        let quoted = format!("\"{}\"", setting.default_value().unwrap());
        let value = match setting.default_value().unwrap() {
            bare @ ("true" | "false") => bare.to_owned(),
            number if number.parse::<usize>().is_ok() => number.to_owned(),
            _ => quoted,
        };
        let written = match setting.key().split_once('.') {
            None => format!("{} = {value}\n{ENDPOINT}", setting.key()),
            Some(("endpoint", name)) => format!("{ENDPOINT}{name} = {value}\n"),
            Some((table, name)) => format!("[{table}]\n{name} = {value}\n{ENDPOINT}"),
        };
        parse(&written).unwrap_or_else(|errors| panic!("{}: {errors}", setting.key()));
    }
    assert!(config.contains("9s") && config.contains("2097152"));
}

#[test]
fn a_key_in_place_of_its_path_is_not_repeated() {
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMIIEGEHEIM\n-----END PRIVATE KEY-----";
    let in_file = ENDPOINT.replace("\"keys\"", &format!("\"\"\"{KEY}\"\"\""));
    let in_list = ENDPOINT.replace("\"keys\"", &format!("[\"\"\"{KEY}\"\"\"]"));
    let tls = format!("[tls]\ncertificate = \"a\"\nprivate_key = \"\"\"{KEY}\"\"\"\n{ENDPOINT}");
    let secret = ("WA_APP_SECRET", "secret");
    let der = "MHcCAQEEIGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMGEHEIMoAoGCCqGSM49AwEHoUQDQgAE";
    for result in [
        with(ENDPOINT, &[], &[secret, ("WA_GATEWAY_KEYS", der)]),
        with(ENDPOINT, &[("tls-private-key", der)], &[secret]),
        with(
            &format!("[tls]\ncertificate = \"a\"\nprivate_key = \"{der}\"\n{ENDPOINT}"),
            &[],
            &[secret],
        ),
        with(&in_file, &[], &[secret]),
        with(&in_list, &[], &[secret]),
        with(&tls, &[], &[secret]),
        with(ENDPOINT, &[("keys", KEY)], &[secret]),
        with(ENDPOINT, &[], &[secret, ("WA_GATEWAY_KEYS", KEY)]),
    ] {
        let errors = result.unwrap_err();
        let message = format!("{errors} {errors:?}");
        assert!(
            !message.contains("GEHEIM") && !message.contains("BEGIN"),
            "{message}"
        );
    }
    let errors = with(ENDPOINT, &[], &[secret, ("WA_GATEWAY_KEYS", KEY)]).unwrap_err();
    assert!(
        errors
            .to_string()
            .contains("this is a key or a certificate, not the path of its file"),
        "{errors}"
    );
}

#[test]
fn a_configuration_without_an_end_is_refused() {
    let loaded = GatewayConfig::load(Some(Path::new("/dev/zero")), &Overrides::new(), |_| None);
    let message = loaded.unwrap_err().to_string();
    assert!(message.contains("cannot read"), "{message}");
}
