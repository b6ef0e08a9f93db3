//! The phone number.

use wa_graph::{GraphClient, GraphError, GraphRequest, NodeKind, PhoneNumber, PhoneNumberId, WabaId};

use super::check::Check;
use super::diagnosis::Notes;

const FIELDS: &str =
    "id,display_phone_number,verified_name,status,quality_rating,code_verification_status,platform_type";
/// The accounts that are searched for the number.
const MOST_ACCOUNTS: usize = 20;

pub(super) async fn examine(
    client: &GraphClient,
    number: &PhoneNumberId,
    mut accounts: Vec<WabaId>,
    account_of_flow: Option<WabaId>,
    notes: &mut Notes,
) {
    let request = GraphRequest::get(number.to_string()).query("fields", FIELDS);
    match client.execute::<PhoneNumber>(request).await {
        Ok(response) => judge(&response.body, notes),
        Err(error) => return refused(client, number, &error, notes).await,
    }
    if let Some(account) = account_of_flow {
        return judge_account_of_flow(client, number, account, notes).await;
    }
    accounts.truncate(MOST_ACCOUNTS);
    for account in accounts {
        if has_number(client, &account, number).await == Some(true) {
            return notes.ok(Check::NumberAccount, format!("account {account}"));
        }
    }
}

fn judge(number: &PhoneNumber, notes: &mut Notes) {
    let shown = [
        number.display_phone_number.as_deref(),
        number.verified_name.as_deref(),
        number.status.as_deref(),
    ];
    let shown: Vec<&str> = shown.into_iter().flatten().collect();
    notes.ok(Check::Number, shown.join(", "));
    if let Some(status) = number.status.as_deref().filter(|status| *status != "CONNECTED") {
        let evidence = format!("its status is {status}");
        let remedy = "Check the number in WhatsApp Manager; only a registered number can send Flows.";
        notes.warning(Check::NumberRegistration, evidence, remedy);
    }
}

async fn refused(client: &GraphClient, number: &PhoneNumberId, error: &GraphError, notes: &mut Notes) {
    let may_be_another = error.is_parameter() || error.is_not_found();
    let kind = if may_be_another {
        client.node_kind(number).await.ok().flatten()
    } else {
        None
    };
    match kind {
        Some(NodeKind::PhoneNumber) | None => {}
        Some(NodeKind::Account { phone_numbers }) => {
            let ids: Vec<String> = phone_numbers.iter().take(5).map(ToString::to_string).collect();
            let evidence =
                format!("{number} is the id of a WhatsApp Business Account, not of a phone number");
            let remedy = match ids.as_slice() {
                [] => "Give a phone number id; the App Dashboard shows it under API Setup.".to_owned(),
                ids => format!("Give the id of one of its phone numbers: {}.", ids.join(", ")),
            };
            return notes.broken(Check::Number, evidence, remedy);
        }
        Some(other) => {
            let evidence = format!("{number} is the id of {}, not of a phone number", other.name());
            let remedy = "Give a phone number id; the App Dashboard shows it under API Setup.";
            return notes.broken(Check::Number, evidence, remedy);
        }
    }
    if may_be_another {
        let evidence = format!("there is no phone number {number} that the token can read: {error}");
        let remedy = "Compare the id with the one that the App Dashboard shows under API Setup, and check \
                      that the token \
                      may access its WhatsApp Business Account.";
        return notes.broken(Check::Number, evidence, remedy);
    }
    if error.is_permission() && error.code() == Some(wa_graph::ErrorCode::PERMISSION_DENIED) {
        // Reading a number needs a permission that encryption does not need.
        return notes.unknown(Check::Number, error.to_string());
    }
    notes.failed_call(Check::Number, error);
}

/// A Flow can only be sent from numbers of its own account.
async fn judge_account_of_flow(
    client: &GraphClient,
    number: &PhoneNumberId,
    account: WabaId,
    notes: &mut Notes,
) {
    match has_number(client, &account, number).await {
        Some(true) => notes.ok(Check::NumberAccount, format!("account {account}, as the Flow")),
        Some(false) => {
            let evidence =
                format!("the Flow belongs to account {account}, which does not have number {number}");
            let remedy = format!(
                "Use a Flow of the number's own account, or a number of account {account}: a Flow can be \
                 sent by numbers \
                 of its account only."
            );
            notes.broken(Check::NumberAccount, evidence, remedy);
        }
        None => notes.unknown(
            Check::NumberAccount,
            format!("the numbers of account {account} cannot be listed"),
        ),
    }
}

async fn has_number(client: &GraphClient, account: &WabaId, number: &PhoneNumberId) -> Option<bool> {
    let numbers = client.phone_numbers(account).all().await.ok()?;
    Some(numbers.iter().any(|listed| listed.id == *number))
}
