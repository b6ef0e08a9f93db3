//! The reference page of the configuration, generated from the table of settings.

use std::fmt::Write as _;

use crate::config::setting::{Setting, Table};

/// Returns the reference of all settings as Markdown, with one table for each table of the file.
pub fn config_reference() -> String {
    let mut page = String::from(
        "A flag overrides the environment, the environment overrides the file, and the file overrides the default. An empty \
         variable counts as not set. Paths in the file are relative to its directory. A list is an \
         array in the file, a repeated flag, or comma-separated values in a variable. Flags and \
         variables of an `[[endpoint]]` apply to the only endpoint, or create one if the file has none. \
         A change takes effect on a reload (SIGHUP), or only at the next start.\n",
    );
    for table in Table::ALL {
        let heading = match table {
            Table::Root => "Top-level keys".to_owned(),
            Table::Endpoint => "`[[endpoint]]`, one or more".to_owned(),
            _ => format!("`[{}]`", table.name()),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {heading}\n\n| key | value | default | flag and variable | reload | description |\n|---|---|---|---|---|---|\n"
        );
        for setting in Setting::all().filter(|setting| setting.table == table) {
            row(&mut page, setting);
        }
    }
    page
}

fn row(page: &mut String, setting: &Setting) {
    let default = setting
        .default
        .map_or_else(|| "–".to_owned(), |default| format!("`{default}`"));
    let outside = match (setting.flag, setting.variable) {
        (Some(flag), Some(variable)) => format!("`--{flag}`, `{variable}`"),
        (Some(flag), None) => format!("`--{flag}`"),
        (None, Some(variable)) => format!("`{variable}`"),
        (None, None) => "–".to_owned(),
    };
    let _ = writeln!(
        page,
        "| `{}` | {} | {default} | {outside} | {} | {} |",
        setting.name,
        setting.expected,
        if setting.at_start { "next start" } else { "yes" },
        setting.about
    );
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_setting_is_documented_once_and_flags_are_unique() {
        let page = config_reference();
        let mut keys = HashSet::new();
        let mut outside = HashSet::new();
        for setting in Setting::all() {
            assert!(
                page.contains(&format!("| `{}` |", setting.name)),
                "{}",
                setting.key()
            );
            assert!(keys.insert(setting.key()));
            assert!(setting.flag.is_none_or(|flag| outside.insert(flag)));
            assert!(setting.variable.is_none_or(|variable| outside.insert(variable)));
            assert!(
                !setting.about.contains('|') && setting.about.ends_with('.'),
                "{}",
                setting.key()
            );
        }
    }
}
