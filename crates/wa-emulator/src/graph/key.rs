//! `/{phone number id}/whatsapp_business_encryption` (Meta, *WhatsApp Business encryption* guide).

use serde_json::{Map, Value, json};

use super::Reading;
use super::auth::{Caller, MESSAGING};
use super::call::Call;
use super::error::ErrorResponse;
use super::shape::NoKeyShape;
use crate::pem;
use crate::world::{Number, NumberState, Registration, World};

const KEY: &str = "business_public_key";
const STATUS: &str = "business_public_key_signature_status";

pub(crate) fn set(world: &mut World, caller: &Caller, id: &str, call: &Call) -> Result<(), ErrorResponse> {
    let number = allowed(world, caller, id)?;
    if number.state == NumberState::NotAllowlisted {
        return Err(ErrorResponse::missing_permission(
            "Flows with endpoint: phone number used to set business public key must be allowlisted.",
        ));
    }
    if let Err(error) = &call.params {
        return Err(error.clone());
    }
    let text = call.param(KEY).filter(|text| !text.trim().is_empty());
    let text = text.ok_or_else(|| ErrorResponse::missing_parameter(KEY))?;
    let key = pem::check(text)
        .map_err(|reason| ErrorResponse::invalid_key(format!("Invalid public key: {reason}.")))?;
    world.upload(id, key);
    Ok(())
}

pub(crate) fn get(reading: &Reading<'_>, id: &str) -> Result<Value, ErrorResponse> {
    let &Reading {
        world,
        shape,
        caller,
        call,
        stale,
        ..
    } = reading;
    let registration = allowed(world, caller, id)?.visible(stale);
    let fields: Vec<&str> = match call.param("fields").filter(|fields| !fields.is_empty()) {
        None => vec![KEY, STATUS],
        Some(fields) => fields.split(',').map(str::trim).collect(),
    };
    let mut members = Map::new();
    for field in fields {
        let value = match field {
            KEY => key_text(registration, shape.no_key),
            STATUS => Some(json!(registration.status())),
            other => {
                return Err(ErrorResponse::invalid_parameter(format!(
                    "(#100) Tried accessing nonexisting field ({other})"
                )));
            }
        };
        if let Some(value) = value {
            members.insert(field.to_owned(), value);
        }
    }
    if registration.key.is_none() && shape.no_key == NoKeyShape::EmptyData {
        return Ok(json!({"data": []}));
    }
    Ok(if shape.flat {
        Value::Object(members)
    } else {
        json!({"data": [members]})
    })
}

fn key_text(registration: &Registration, no_key: NoKeyShape) -> Option<Value> {
    match (&registration.key, no_key) {
        (Some(key), _) => Some(key.pem().into()),
        (None, NoKeyShape::Null) => Some(Value::Null),
        (None, NoKeyShape::Absent) => None,
        (None, NoKeyShape::Blank | NoKeyShape::EmptyData) => Some(" ".into()),
    }
}

/// Returns the number if it exists and the caller may access its key.
fn allowed<'w>(world: &'w World, caller: &Caller, id: &str) -> Result<&'w Number, ErrorResponse> {
    caller.need(world, &[MESSAGING])?;
    let Some(number) = world.numbers.get(id) else {
        // The id of an account or a business is a known object, but one without a key.
        return Err(
            if world.accounts.contains_key(id) || world.businesses.contains_key(id) {
                ErrorResponse::invalid_parameter(
                    "(#100) Tried accessing nonexisting field (whatsapp_business_encryption)",
                )
            } else {
                ErrorResponse::unknown_object(id)
            },
        );
    };
    caller.reach(world, &number.account)?;
    match number.state {
        NumberState::Registered | NumberState::NotAllowlisted => Ok(number),
        NumberState::NotRegistered => Err(ErrorResponse::number_not_registered()),
        NumberState::NotEligible => Err(ErrorResponse::not_eligible()),
        NumberState::Deleted => Err(ErrorResponse::number_deleted()),
    }
}
