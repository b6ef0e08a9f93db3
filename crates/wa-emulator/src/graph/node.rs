//! Single objects: a phone number, an account or a business, with the requested fields.

use serde_json::{Map, Value, json};

use super::Reading;
use super::auth::{BUSINESS, MANAGEMENT};
use super::call::Call;
use super::error::ErrorResponse;
use super::shape::WireShape;
use crate::world::{Account, Flow, Number, NumberState, World};

pub(crate) const NUMBER_DEFAULTS: &[&str] = &[
    "id",
    "display_phone_number",
    "verified_name",
    "code_verification_status",
    "quality_rating",
    "status",
];
pub(crate) const NUMBER_FIELDS: &[&str] = &[
    "id",
    "display_phone_number",
    "verified_name",
    "status",
    "quality_rating",
    "country_code",
    "country_dial_code",
    "code_verification_status",
    "unified_cert_status",
    "account_mode",
    "host_platform",
    "messaging_limit_tier",
    "is_official_business_account",
    "username",
    "platform_type",
    "name_status",
    "throughput",
    "health_status",
    "is_on_biz_app",
    "is_pin_enabled",
    "quality_score",
    // Requested by clients in practice; the emulator's numbers have no value for them.
    "certificate",
    "conversational_automation",
    "eligibility_for_api_business_global_search",
    "is_preverified_number",
    "last_onboarded_time",
    "new_certificate",
    "new_name_status",
    "search_visibility",
    "webhook_configuration",
    "whatsapp_business_manager_messaging_limit",
];
pub(crate) const ACCOUNT_DEFAULTS: &[&str] = &[
    "id",
    "name",
    "currency",
    "timezone_id",
    "message_template_namespace",
];
pub(crate) const ACCOUNT_FIELDS: &[&str] = ACCOUNT_DEFAULTS;
const FLOW_DEFAULTS: &[&str] = &["id", "name", "status", "categories", "validation_errors"];
const FLOW_FIELDS: &[&str] = &[
    "id",
    "name",
    "status",
    "categories",
    "validation_errors",
    "preview",
    "json_version",
    "data_api_version",
    "data_channel_uri",
    "endpoint_uri",
    "health_status",
    "whatsapp_business_account",
    "application",
];
const BUSINESS_FIELDS: &[&str] = &["id", "name"];

/// Returns the requested fields; one that the object does not have is an error.
pub(crate) fn fields<'c>(
    call: &'c Call,
    defaults: &'static [&'static str],
    known: &'static [&'static str],
) -> Result<Vec<&'c str>, ErrorResponse> {
    let Some(asked) = call.param("fields").filter(|fields| !fields.is_empty()) else {
        return Ok(defaults.to_vec());
    };
    // Graph always adds the id.
    let mut fields = vec!["id"];
    for field in asked.split(',').map(str::trim).filter(|field| *field != "id") {
        if !known.contains(&field) {
            return Err(ErrorResponse::invalid_parameter(format!(
                "(#100) Tried accessing nonexisting field ({field})"
            )));
        }
        fields.push(field);
    }
    Ok(fields)
}

pub(crate) fn read(reading: &Reading<'_>, id: &str) -> Result<Value, ErrorResponse> {
    let &Reading {
        world,
        shape,
        caller,
        call,
        ..
    } = reading;
    caller.need(world, &[MANAGEMENT])?;
    if let Some(found) = world.numbers.get(id) {
        caller.reach(world, &found.account)?;
        if found.state == NumberState::Deleted {
            return Err(ErrorResponse::number_deleted());
        }
        return Ok(number(id, found, &fields(call, NUMBER_DEFAULTS, NUMBER_FIELDS)?).into());
    }
    if let Some(found) = world.accounts.get(id) {
        caller.reach(world, id)?;
        return Ok(account(id, found, &fields(call, ACCOUNT_DEFAULTS, ACCOUNT_FIELDS)?, shape).into());
    }
    if let Some(found) = world.flows.get(id) {
        caller.reach(world, &found.account)?;
        return Ok(flow(id, found, world, &fields(call, FLOW_DEFAULTS, FLOW_FIELDS)?).into());
    }
    let business = world
        .businesses
        .get(id)
        .ok_or_else(|| ErrorResponse::unknown_object(id))?;
    caller.need(world, &[BUSINESS])?;
    let fields = fields(call, BUSINESS_FIELDS, BUSINESS_FIELDS)?;
    Ok(pick(&fields, |field| {
        if field == "id" {
            id.into()
        } else {
            business.name.clone().into()
        }
    })
    .into())
}

pub(crate) fn number(id: &str, number: &Number, fields: &[&str]) -> Map<String, Value> {
    let registered = !matches!(number.state, NumberState::NotRegistered | NumberState::Deleted);
    pick(fields, |field| match field {
        "id" => id.into(),
        "display_phone_number" => number.display().into(),
        "verified_name" => number.verified_name(id).into(),
        "status" => if registered { "CONNECTED" } else { "DISCONNECTED" }.into(),
        "quality_rating" => "GREEN".into(),
        "country_code" => "US".into(),
        "country_dial_code" => "1".into(),
        "code_verification_status" => "VERIFIED".into(),
        "unified_cert_status" | "name_status" => "APPROVED".into(),
        "account_mode" => "LIVE".into(),
        "host_platform" | "platform_type" => if registered { "CLOUD_API" } else { "NOT_APPLICABLE" }.into(),
        "messaging_limit_tier" => "TIER_1K".into(),
        "is_official_business_account" | "is_on_biz_app" => false.into(),
        "is_pin_enabled" => true.into(),
        "quality_score" => json!({"score": "GREEN"}),
        "throughput" => json!({"level": "STANDARD"}),
        "health_status" => {
            json!({"can_send_message": if registered { "AVAILABLE" } else { "BLOCKED" }, "entities": []})
        }
        _ => Value::Null,
    })
}

pub(crate) fn account(id: &str, account: &Account, fields: &[&str], shape: &WireShape) -> Map<String, Value> {
    pick(fields, |field| match field {
        "id" => match id.parse::<u64>() {
            Ok(number) if shape.numeric_account_ids => json!(number),
            _ => id.into(),
        },
        "name" => account.name(id).into(),
        "currency" => "USD".into(),
        "timezone_id" => "1".into(),
        "message_template_namespace" => format!("emulated_{id}").into(),
        _ => Value::Null,
    })
}

fn flow(id: &str, flow: &Flow, world: &World, fields: &[&str]) -> Map<String, Value> {
    let spec = &flow.spec;
    pick(fields, |field| match field {
        "id" => id.into(),
        "name" => spec.name.clone().unwrap_or_else(|| format!("Flow {id}")).into(),
        "status" => spec.status.as_deref().unwrap_or("DRAFT").into(),
        "categories" => json!(["OTHER"]),
        "validation_errors" => {
            let errors = spec
                .validation_errors
                .iter()
                .map(|message| json!({"message": message}));
            errors.collect::<Vec<_>>().into()
        }
        "json_version" => spec.json_version.clone().into(),
        "data_api_version" => spec.data_api_version.clone().into(),
        "endpoint_uri" | "data_channel_uri" => spec.endpoint_uri.clone().into(),
        "health_status" => {
            let account = world.accounts.get(flow.account.as_str());
            flow.health(id, account.map(|account| account.business.as_str()))
        }
        "whatsapp_business_account" => {
            let name = world
                .accounts
                .get(flow.account.as_str())
                .map(|account| account.name(&flow.account));
            json!({"id": flow.account, "name": name})
        }
        "application" => match &spec.application {
            Some(app) => json!({"id": app, "name": world.apps.get(app).map(|app| &app.name)}),
            None => Value::Null,
        },
        _ => Value::Null,
    })
}

fn pick(fields: &[&str], value: impl Fn(&str) -> Value) -> Map<String, Value> {
    fields
        .iter()
        .map(|field| ((*field).to_owned(), value(field)))
        .filter(|(_, value)| !value.is_null())
        .collect()
}
