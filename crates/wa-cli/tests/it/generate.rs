//! `wa keys generate`, `public` and `convert`: the files that they write and read.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use crate::support::{Emulator, generate, run, stderr, succeed, wa};

#[cfg(unix)]
#[test]
fn generated_keys_are_encrypted_and_overwritten_only_with_force() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let private = folder.path().join("private.pem");
    assert_eq!(
        fs::metadata(&private).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let before = fs::read_to_string(&private).unwrap();
    assert!(before.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));

    let again = ["keys", "generate", "--passphrase-file", "passphrase.txt"];
    let refused = run(wa().args(again).current_dir(folder.path()));
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert_eq!(fs::read_to_string(&private).unwrap(), before);

    succeed(wa().args(again).arg("--force").current_dir(folder.path()));
    assert_ne!(fs::read_to_string(&private).unwrap(), before);
}

#[test]
fn generate_prints_the_next_steps_for_a_first_key_and_for_a_rotation() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("new keys")).unwrap();
    let output = run(wa()
        .args(["keys", "generate", "--no-passphrase", "--out-dir", "new keys"])
        .current_dir(folder.path()));
    let said = stderr(&output);
    let first = said.find("for a number without a key").unwrap();
    let rotation = said
        .find("first make the endpoint serve new keys/private.pem in addition to the old key")
        .unwrap();
    assert!(first < rotation, "{said}");
    assert_eq!(
        said.matches("\n  wa encryption set 'new keys/public.pem'\n")
            .count(),
        2,
        "{said}"
    );
}

#[test]
fn no_file_is_written_if_one_of_them_exists() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("public.pem"), "existing").unwrap();
    let refused = run(wa()
        .args(["keys", "generate", "--no-passphrase"])
        .current_dir(folder.path()));
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("public.pem"));
    assert!(!folder.path().join("private.pem").exists());
    assert_eq!(
        fs::read_to_string(folder.path().join("public.pem")).unwrap(),
        "existing"
    );
}

#[cfg(unix)]
#[test]
fn a_key_can_be_written_to_an_unreadable_directory() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;

    let folder = tempfile::tempdir().unwrap();
    let mut command = wa();
    command
        .args(["keys", "generate", "--no-passphrase"])
        .current_dir(folder.path());
    if folder.path().metadata().unwrap().uid() == 0 {
        // Root may list everything.
        chown(folder.path(), Some(65534), Some(65534)).unwrap();
        command.uid(65534).gid(65534);
    }
    let mode = fs::Permissions::from_mode;
    fs::set_permissions(folder.path(), mode(0o300)).unwrap();
    let output = command.output();
    fs::set_permissions(folder.path(), mode(0o700)).unwrap();
    let output = match output {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            eprintln!("skipped: another user may not run the program where it was built");
            return;
        }
        other => other.unwrap(),
    };
    assert!(output.status.success(), "{}", stderr(&output));
    for name in ["private.pem", "public.pem"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
}

#[test]
fn an_existing_output_file_is_reported_before_a_passphrase_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    for args in [
        &["keys", "public", "private.pem", "--out", "public.pem"][..],
        &["keys", "convert", "private.pem", "--out", "public.pem"],
    ] {
        let refused = run(wa().args(args).current_dir(folder.path()));
        assert_eq!(refused.status.code(), Some(1), "{args:?}");
        let printed = stderr(&refused);
        assert!(
            printed.contains("public.pem already exists"),
            "{args:?}: {printed}"
        );
    }
}

#[test]
fn the_same_file_for_both_keys_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let same = [
        "keys",
        "generate",
        "--no-passphrase",
        "--force",
        "--private",
        "k.pem",
        "--public",
        "k.pem",
    ];
    let refused = run(wa().args(same).current_dir(folder.path()));
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn every_command_warns_about_a_private_key_that_others_can_read() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    succeed(
        wa().args(["keys", "generate", "--no-passphrase"])
            .current_dir(folder.path()),
    );
    let private = folder.path().join("private.pem");
    let emulator = Emulator::start(&[]);
    for (mode, warned) in [(0o600, false), (0o644, true)] {
        fs::set_permissions(&private, fs::Permissions::from_mode(mode)).unwrap();
        for args in [
            &["keys", "public", "private.pem"][..],
            &["encryption", "set", "private.pem"],
        ] {
            let output = run(emulator
                .wa("106540352242922")
                .args(args)
                .current_dir(folder.path()));
            assert!(output.status.success());
            assert_eq!(
                stderr(&output).contains("can be accessed by others"),
                warned,
                "{args:?} {mode:o}"
            );
        }
    }
}

#[test]
fn a_converted_key_is_the_same_key_under_the_new_passphrase() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    fs::write(folder.path().join("new.txt"), "another passphrase").unwrap();
    let convert = [
        "keys",
        "convert",
        "private.pem",
        "--out",
        "converted.pem",
        "--passphrase-file",
        "passphrase.txt",
        "--new-passphrase-file",
        "new.txt",
    ];
    succeed(wa().args(convert).current_dir(folder.path()));
    let public = |file: &str, passphrase: &str| {
        run(wa()
            .args(["keys", "public", file, "--passphrase-file", passphrase])
            .current_dir(folder.path()))
    };
    assert_eq!(
        public("converted.pem", "new.txt").stdout,
        fs::read(folder.path().join("public.pem")).unwrap()
    );
    assert_eq!(public("converted.pem", "passphrase.txt").status.code(), Some(1));
}

#[test]
fn a_key_can_be_read_from_standard_input_with_a_passphrase_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let mut child = wa()
        .args(["keys", "public", "-"])
        .env("WA_KEY_PASSPHRASE", "a passphrase")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&fs::read(folder.path().join("private.pem")).unwrap())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.stdout, fs::read(folder.path().join("public.pem")).unwrap());
}

#[test]
fn a_private_key_is_never_replaced_by_a_public_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let output = wa().current_dir(folder.path()).args(args).output().unwrap();
        output.status.code()
    };
    let read = || fs::read(folder.path().join("k.pem")).unwrap();
    let generate = |private, public| {
        run(&[
            "keys",
            "generate",
            "--no-passphrase",
            "--force",
            "--private",
            private,
            "--public",
            public,
        ])
    };
    assert_eq!(generate("k.pem", "p.pem"), Some(0));
    let key = read();
    assert_eq!(generate("k.pem", "./k.pem"), Some(2));
    assert_eq!(generate("k.pem", "nowhere/p.pem"), Some(1));
    assert_eq!(
        run(&["keys", "public", "k.pem", "--out", "./k.pem", "--force"]),
        Some(2)
    );
    assert_eq!(read(), key);
}
