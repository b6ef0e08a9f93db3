//! Compares the table with Meta's documentation.

use super::*;
use crate::code::{ErrorCode, KnownSubcode};

/// Every code that Meta documents for the Cloud API and that can concern this API, with its class.
const DOCUMENTED: &[(&[i64], CodeKind, RetryAdvice)] = &[
    (&[0, 102, 190], Token, Never),
    (&[1, 2], Temporary, Soon),
    (&[3, 10], Permission, Never),
    (&[4, 17, 32, 341, 613], RateLimit, Slowly),
    (&[33, 803], NotFound, Never),
    (&[100], Parameter, Never),
    (&[200, 210, 230, 294, 299], Permission, Never),
    (&[368], Policy, Never),
    (&[80_007, 80_008, 130_429], RateLimit, Slowly),
    (&[131_000, 131_016, 131_057, 133_004, 2_494_100], Temporary, Soon),
    (&[131_005], Permission, Never),
    (&[131_008, 131_009], Parameter, Never),
    (&[131_031], Policy, Never),
    (&[131_045], Registration, Never),
    (&[131_048, 131_056, 132_068, 132_069, 135_000], Messaging, Never),
    (
        &[133_000, 133_001, 133_002, 133_003, 133_005, 133_006, 133_007],
        Registration,
        Never,
    ),
    (&[133_008, 133_009, 133_015, 133_016], Registration, Later),
    (
        &[133_010, 133_011, 133_012, 133_013, 133_014],
        Registration,
        Never,
    ),
    (
        &[139_000, 139_001, 139_002, 139_003, 139_004, 139_006],
        Flow,
        Never,
    ),
];

#[test]
fn every_documented_code_has_its_kind_retry_advice_and_remedy() {
    for (codes, kind, retry) in DOCUMENTED {
        for code in codes.iter().copied().map(ErrorCode::new) {
            assert_eq!((code.kind(), code.retry()), (*kind, *retry), "{code}");
            assert!(code.meaning().is_some_and(|text| text.len() > 8), "{code}");
            assert!(
                code.remedy()
                    .is_some_and(|text| text.len() > 20 && text.ends_with('.')),
                "{code}"
            );
        }
    }
}

#[test]
fn every_row_is_covered_by_the_test_above() {
    for row in TABLE {
        let known = DOCUMENTED.iter().flat_map(|(codes, ..)| codes.iter());
        assert!(
            known.copied().any(|code| row.contains(ErrorCode::new(code))),
            "{row:?}"
        );
    }
}

#[test]
fn rows_ascend_and_do_not_overlap() {
    for pair in TABLE.windows(2) {
        assert!(pair[0].last < pair[1].first, "{} {}", pair[0].last, pair[1].first);
    }
}

#[test]
fn texts_are_on_one_line() {
    let texts = TABLE
        .iter()
        .flat_map(|row| [Some(row.meaning), row.remedy])
        .flatten();
    for text in texts {
        assert!(
            !text.contains('\n') && !text.contains("  ") && text.trim() == text,
            "{text}"
        );
    }
}

#[test]
fn remedies_name_what_matters_for_this_api() {
    for (code, word) in [
        (10, "whatsapp_business_messaging"),
        (10, "allowlisted"),
        (100, "2048-bit RSA public key in PEM"),
        (100, "phone number id"),
        (190, "Generate a new one"),
        (200, "whatsapp_business_management"),
        (803, "phone number id"),
        (33, "GET /WABA_ID/phone_numbers"),
        (4, "X-App-Usage"),
        (80_007, "200 calls an hour"),
        (131_000, "Set it again"),
        (131_000, "health check"),
        (133_010, "/register"),
        (139_002, "every phone number"),
        (139_002, "131000"),
    ] {
        assert!(
            ErrorCode::new(code).remedy().unwrap().contains(word),
            "{code}: {word}"
        );
    }
}

#[test]
fn subcodes_of_a_refused_token_have_their_own_remedies() {
    for subcode in [458, 459, 460, 463, 464, 467, 492] {
        let row = KnownSubcode::find(ErrorCode::new(190), subcode).unwrap();
        assert!(
            !row.meaning().is_empty() && row.remedy().ends_with('.'),
            "{subcode}"
        );
    }
    let of_token = TABLE.iter().find(|row| row.first == 190).unwrap();
    assert_eq!(of_token.subcodes().count(), 7);
    let id = KnownSubcode::find(ErrorCode::new(100), 33).unwrap();
    assert!(id.remedy().contains("Use the phone number id"));
    assert!(KnownSubcode::find(ErrorCode::new(100), 463).is_none());
}

#[test]
fn unknown_codes_keep_their_number() {
    for number in [i64::MIN, -1, 5, 199, 300, 133_017, i64::MAX] {
        let code = ErrorCode::new(number);
        assert_eq!(
            (code.number(), code.kind(), code.known_as()),
            (number, CodeKind::Unknown, None)
        );
        assert_eq!(code.to_string(), number.to_string());
    }
}
