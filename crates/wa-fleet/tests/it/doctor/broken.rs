//! Broken tokens, numbers and keys.

use wa_emulator::{
    DEFAULT_ACCOUNT_ID, DEFAULT_PHONE_NUMBER_ID, NoKeyShape, NumberState, TokenSpec, WireShape,
};
use wa_fleet::{Check, LocalKeys, Verdict};

use super::{KEY, OTHER, Patient, cause, finding};

#[tokio::test]
async fn an_expired_token() {
    let patient = Patient::healthy().await;
    patient.emulator.expire_token("default").unwrap();
    let diagnosis = patient.examine().await;
    let cause = cause(&diagnosis, Check::Token);
    assert!(cause.remedy.unwrap().starts_with("It has expired."));
    finding(&diagnosis, Check::EndpointPing, Verdict::Ok);
    finding(&diagnosis, Check::RegisteredKey, Verdict::Unknown);
}

#[tokio::test]
async fn a_revoked_token() {
    let patient = Patient::healthy().await;
    patient.emulator.revoke_token("default").unwrap();
    let cause = cause(&patient.examine().await, Check::Token);
    assert!(cause.remedy.unwrap().starts_with("It was revoked."));
}

#[tokio::test]
async fn a_token_that_was_never_issued() {
    let mut patient = Patient::healthy().await;
    patient.token = "EAAunknown".to_owned();
    cause(&patient.examine().await, Check::Token);
}

#[tokio::test]
async fn graph_cannot_be_reached() {
    let patient = Patient::healthy().await;
    let client = wa_graph::GraphClient::builder(wa_graph::AccessToken::new("EAA").unwrap())
        .base_url("http://127.0.0.1:9")
        .retry(wa_graph::RetryPolicy::none())
        .build()
        .unwrap();
    let doctor = wa_fleet::Doctor::new(client, patient.number.parse().unwrap());
    let diagnosis = doctor.examine().await.unwrap();
    cause(&diagnosis, Check::Graph);
}

#[tokio::test]
async fn a_token_without_the_permission_for_keys() {
    let patient = Patient::healthy().await;
    patient
        .emulator
        .drop_permission("default", "whatsapp_business_messaging")
        .unwrap();
    cause(&patient.examine().await, Check::TokenPermissions);
}

#[tokio::test]
async fn the_secret_of_another_app() {
    let mut patient = Patient::healthy().await;
    patient.secret = Some("ffeeddccbbaa99887766554433221100".to_owned());
    let diagnosis = patient.examine().await;
    cause(&diagnosis, Check::AppSecret);
    finding(&diagnosis, Check::EndpointSignature, Verdict::Broken);
}

#[tokio::test]
async fn an_app_that_requires_a_proof_of_its_secret() {
    let patient = Patient::healthy().await;
    patient
        .emulator
        .require_proof(wa_emulator::DEFAULT_APP_ID, true)
        .unwrap();
    let cause = cause(&patient.examine().await, Check::AppSecret);
    assert!(cause.remedy.unwrap().contains("appsecret_proof"));
}

#[tokio::test]
async fn a_number_that_does_not_exist() {
    let mut patient = Patient::healthy().await;
    patient.number = "123".to_owned();
    cause(&patient.examine().await, Check::Number);
}

#[tokio::test]
async fn the_id_of_an_account_instead_of_a_number() {
    let mut patient = Patient::healthy().await;
    patient.number = DEFAULT_ACCOUNT_ID.to_owned();
    let cause = cause(&patient.examine().await, Check::Number);
    assert!(cause.evidence.contains("WhatsApp Business Account"), "{cause:?}");
    assert!(cause.remedy.unwrap().contains(DEFAULT_PHONE_NUMBER_ID));
}

#[tokio::test]
async fn a_deleted_number() {
    let patient = Patient::healthy().await;
    patient
        .emulator
        .set_number_state(DEFAULT_PHONE_NUMBER_ID, NumberState::Deleted)
        .unwrap();
    cause(&patient.examine().await, Check::Number);
}

#[tokio::test]
async fn a_token_for_other_accounts() {
    let mut patient = Patient::healthy().await;
    patient
        .emulator
        .add_token(&TokenSpec::new("narrow", "EAAnarrow").accounts(Vec::<String>::new()))
        .unwrap();
    patient.token = "EAAnarrow".to_owned();
    cause(&patient.examine().await, Check::Number);
}

#[tokio::test]
async fn a_number_that_is_not_registered() {
    let patient = Patient::healthy().await;
    patient
        .emulator
        .set_number_state(DEFAULT_PHONE_NUMBER_ID, NumberState::NotRegistered)
        .unwrap();
    let cause = cause(&patient.examine().await, Check::NumberRegistration);
    assert!(cause.evidence.contains("133010"), "{cause:?}");
}

#[tokio::test]
async fn no_key_is_registered() {
    let patient = Patient::healthy().await;
    patient
        .emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, None)
        .unwrap();
    for shape in [
        NoKeyShape::Blank,
        NoKeyShape::EmptyData,
        NoKeyShape::Null,
        NoKeyShape::Absent,
    ] {
        patient.emulator.set_wire_shape(WireShape::new().no_key(shape));
        let diagnosis = patient.examine().await;
        let cause = cause(&diagnosis, Check::RegisteredKey);
        assert!(cause.evidence.contains("139002"), "{cause:?}");
        assert!(cause.remedy.unwrap().contains("wa encryption set "));
        // The local key shows that the endpoint works.
        finding(&diagnosis, Check::EndpointPing, Verdict::Ok);
    }
}

#[tokio::test]
async fn a_number_that_was_registered_again() {
    let patient = Patient::healthy().await;
    patient
        .emulator
        .reregister_number(DEFAULT_PHONE_NUMBER_ID)
        .unwrap();
    let cause = cause(&patient.examine().await, Check::KeySignature);
    assert!(cause.evidence.starts_with("MISMATCH"), "{cause:?}");
}

#[tokio::test]
async fn the_key_of_someone_else_is_registered() {
    let patient = Patient::healthy().await;
    let pem = OTHER.public_key().to_pem();
    patient
        .emulator
        .set_number_key(DEFAULT_PHONE_NUMBER_ID, Some(&pem))
        .unwrap();
    let diagnosis = patient.examine().await;
    let cause = cause(&diagnosis, Check::KeyMatch);
    let (registered, local) = (OTHER.public_key().fingerprint(), KEY.public_key().fingerprint());
    assert!(cause.evidence.contains(&registered.short()) && cause.evidence.contains(&local.short()));
    let ping = finding(&diagnosis, Check::EndpointPing, Verdict::Broken);
    assert!(ping.evidence.contains("but it can with"), "{ping:?}");
}

#[tokio::test]
async fn a_key_file_that_does_not_exist_or_is_no_key() {
    let patient = Patient::healthy().await;
    let missing = patient.folder.path().join("missing.pem");
    let diagnosis = patient
        .examine_with(LocalKeys::read_file(&missing, None).await)
        .await;
    assert!(
        cause(&diagnosis, Check::LocalKey)
            .evidence
            .contains("missing.pem")
    );

    let damaged = patient.folder.path().join("damaged.pem");
    std::fs::write(
        &damaged,
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    )
    .unwrap();
    let diagnosis = patient
        .examine_with(LocalKeys::read_file(&damaged, None).await)
        .await;
    cause(&diagnosis, Check::LocalKey);
}
