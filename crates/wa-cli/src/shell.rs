//! Quoting for a POSIX shell, for commands in hints.

use std::path::Path;

/// Returns the text as one shell word, in single quotes if it needs them.
pub(crate) fn word(text: impl Into<String>) -> String {
    let text = text.into();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./+=:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Returns a path as one shell word (`-` is standard input). Returns `None` if it is not UTF-8 or contains
/// control characters.
pub(crate) fn path(path: &Path) -> Option<String> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control))?;
    // A name that begins with a hyphen would be parsed as an option.
    let is_option = text.starts_with('-') && text != "-";
    Some(word(if is_option {
        format!("./{text}")
    } else {
        text.to_owned()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_for_a_shell() {
        for (name, expected) in [
            ("keys/private.pem", "keys/private.pem"),
            ("my key.pem", "'my key.pem'"),
            ("it's.pem", r"'it'\''s.pem'"),
            ("-x.pem", "./-x.pem"),
            ("-", "-"),
            ("$(id).pem", "'$(id).pem'"),
            ("", "''"),
        ] {
            assert_eq!(path(Path::new(name)).as_deref(), Some(expected));
        }
        assert_eq!(path(Path::new("a\nb")), None);
    }
}
