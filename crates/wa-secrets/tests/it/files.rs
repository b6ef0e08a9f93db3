//! Secret files in the encodings of Windows, editors and shells, and files that are refused.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use wa_secrets::{
    AccessToken, AppSecret, MAX_FILE_BYTES, Passphrase, SecretFile, SecretFileError, SecretSource,
    SecretSourceError, SecretWarning,
};

const MARKER: &str = "canary_MARKER_7f3a";

struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn read(path: PathBuf) -> Result<String, SecretSourceError> {
    SecretSource::File(path)
        .read(|_| None)
        .map(|found| found.expose_secret().to_owned())
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn the_first_line_is_the_secret_in_every_encoding() {
    let files = Files::new();
    let marked = "\u{feff}größer als 🔑\r\nsecond line\r\n";
    let little = utf16(marked, u16::to_le_bytes);
    let big = utf16(marked, u16::to_be_bytes);
    for (name, bytes) in [
        ("plain", "größer als 🔑".as_bytes()),
        ("newline", "größer als 🔑\n\n".as_bytes()),
        ("windows", marked.as_bytes()),
        ("utf-16-le", &little),
        ("utf-16-be", &big),
    ] {
        assert_eq!(read(files.write(name, bytes)).unwrap(), "größer als 🔑", "{name}");
    }
}

#[test]
fn spaces_are_part_of_a_secret() {
    let files = Files::new();
    assert_eq!(read(files.write("blanks", b" a b \n")).unwrap(), " a b ");
}

type Expected = fn(&SecretFileError) -> bool;

#[test]
fn a_file_without_a_secret_is_refused_by_name() {
    let files = Files::new();
    let too_long = vec![b'a'; MAX_FILE_BYTES + 1];
    let cases: [(&str, &[u8], Expected); 8] = [
        ("empty", b"", |e| matches!(e, SecretFileError::Empty { .. })),
        ("line-end", b"\r\n", |e| {
            matches!(e, SecretFileError::Empty { .. })
        }),
        ("second-line", b"\nsecret\n", |e| {
            matches!(e, SecretFileError::Empty { .. })
        }),
        ("mark", b"\xef\xbb\xbf\n", |e| {
            matches!(e, SecretFileError::Empty { .. })
        }),
        ("nul", b"sec\0ret\n", |e| {
            matches!(e, SecretFileError::NulBytes { .. })
        }),
        ("unmarked", b"s\0e\0c\0", |e| {
            matches!(e, SecretFileError::NulBytes { .. })
        }),
        ("latin-1", b"gr\xf6\xdfer\n", |e| {
            matches!(e, SecretFileError::NotText { .. })
        }),
        ("long", &too_long, |e| {
            matches!(e, SecretFileError::TooLarge { .. })
        }),
    ];
    for (name, bytes, expected) in cases {
        let error = SecretFile::open(files.write(name, bytes))
            .and_then(SecretFile::into_first_line)
            .unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.remedy().is_some(), "{name}");
    }
}

#[test]
fn a_secret_in_place_of_a_path_is_not_repeated() {
    let long = MARKER.repeat(40);
    for path in [MARKER, &format!("{MARKER}/{MARKER}"), &long] {
        let error = read(path.into()).unwrap_err();
        assert!(matches!(
            error,
            SecretSourceError::File(SecretFileError::Missing(_))
        ));
        assert!(!format!("{error} {error:?}").contains(MARKER), "{error:?}");
    }
    assert!(!format!("{:?}", SecretSource::File(MARKER.into())).contains(MARKER));
}

#[test]
fn an_unset_variable_is_named_if_its_name_cannot_be_a_secret() {
    let error = |name: &str| {
        SecretSource::Variable(name.to_owned())
            .read(|_| Some(String::new()))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        error("APP_SECRET"),
        "the environment variable APP_SECRET is not set"
    );
    for name in [MARKER, "0123456789abcdef0123456789abcdef", "EAAB1x", "HUNTER2"] {
        assert_eq!(error(name), "the environment variable is not set");
    }
    let found = SecretSource::Variable("APP_SECRET".to_owned()).read(|name| Some(name.to_owned()));
    assert_eq!(found.unwrap().expose_secret(), "APP_SECRET");
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_gives_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;

    let files = Files::new();
    let path = files.write("secret.txt", b"0123456789abcdef0123456789abcdef\n");
    for (mode, warns) in [
        (0o600, false),
        (0o400, false),
        (0o640, true),
        (0o604, true),
        (0o644, true),
    ] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let found = SecretSource::File(path.clone()).read(|_| None).unwrap();
        assert_eq!(found.warning().is_some(), warns, "{mode:o}");
        if let Some(warning) = found.warning() {
            assert!(matches!(warning, SecretWarning::ReadableByOthers(_)));
            assert!(
                warning
                    .to_string()
                    .contains("secret.txt can be accessed by others")
            );
            assert!(warning.remedy().unwrap().contains("chmod 600"));
        }
    }
}

#[test]
fn no_debug_shows_a_secret() {
    let files = Files::new();
    let path = files.write("canary", MARKER.as_bytes());
    let shown = format!(
        "{:?} {:?} {:?} {:?} {:?}",
        Passphrase::new(MARKER),
        AppSecret::new(MARKER).unwrap(),
        AccessToken::new(MARKER).unwrap(),
        SecretFile::open(&path).unwrap(),
        SecretSource::File(path).read(|_| None).unwrap(),
    );
    assert!(!shown.contains(MARKER), "{shown}");
    for text in [
        format!("{MARKER} {MARKER}"),
        format!("Bearer {MARKER}"),
        MARKER.repeat(1000),
    ] {
        let error = AppSecret::new(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(MARKER), "{error:?}");
    }
}
