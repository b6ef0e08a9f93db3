//! `wa gateway`. Its flags come from the settings of `wa-gateway`.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use wa_gateway::{Overrides, Setting};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wa gateway --config gateway.toml --check       validate the configuration and exit
  wa gateway --config gateway.toml --check --graph
                                                 also compare with the registered keys
  wa gateway --config gateway.toml               serve until SIGTERM; SIGHUP reloads
  wa gateway --keys private.pem --app-secret-file secret.txt --upstream http://127.0.0.1:3000/flow")]
pub(crate) struct GatewayArgs {
    /// Configuration file (TOML). Without it, settings come from flags and environment variables only.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Validate the configuration and all files it names, print every problem with its location, and exit.
    #[arg(long)]
    pub(crate) check: bool,

    /// With --check: also compare the keys of each endpoint with those registered for its phone numbers. The
    /// numbers are those of the endpoint's key sets. Needs an access token.
    #[arg(long, requires = "check")]
    pub(crate) graph: bool,

    /// With --graph: a phone number ID of the only endpoint; can be repeated. [env: WA_PHONE_NUMBER_ID]
    #[arg(long, value_name = "ID", requires = "graph")]
    pub(crate) phone_number_id: Vec<String>,

    /// With --graph: read the access token from this file. [env: WA_ACCESS_TOKEN contains the token itself]
    #[arg(long, value_name = "FILE", requires = "graph")]
    pub(crate) access_token_file: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) settings: SettingFlags,
}

/// The flags of the settings that have one.
#[derive(Debug)]
pub(crate) struct SettingFlags(pub(crate) Overrides);

fn flags() -> impl Iterator<Item = (&'static str, &'static Setting)> {
    Setting::all().filter_map(|setting| Some((setting.flag()?, setting)))
}

impl Args for SettingFlags {
    fn augment_args(command: Command) -> Command {
        flags().fold(
            command.next_help_heading("Settings"),
            |command, (flag, setting)| {
                let mut help = setting.about().to_owned();
                if let Some(variable) = setting.variable() {
                    help.extend([" [env: ", variable, "]"]);
                }
                if let Some(default) = setting.default_value() {
                    help.extend([" [default: ", default, "]"]);
                }
                let mut arg = Arg::new(flag).long(flag).value_name("VALUE").help(help);
                if setting.is_list() {
                    arg = arg.action(ArgAction::Append);
                }
                if setting.is_switch() {
                    arg = arg
                        .num_args(0..=1)
                        .require_equals(true)
                        .default_missing_value("true");
                }
                command.arg(arg)
            },
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut overrides = Overrides::new();
        for (flag, _) in flags() {
            for value in matches.get_many::<String>(flag).into_iter().flatten() {
                overrides.set(flag, value);
            }
        }
        Ok(Self(overrides))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
