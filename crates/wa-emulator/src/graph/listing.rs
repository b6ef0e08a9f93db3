//! Cursor paging: the phone numbers of an account, the accounts of a business (Meta, *Graph API paging*).

use std::collections::BTreeMap;
use std::ops::Bound;

use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};

use super::Reading;
use super::auth::{BUSINESS, MANAGEMENT};
use super::call::Call;
use super::error::ErrorResponse;
use super::node;
use crate::world::{Id, NumberState};

const DEFAULT_LIMIT: usize = 25;
const MAX_LIMIT: usize = 100;

pub(crate) fn phone_numbers(reading: &Reading<'_>, id: &str) -> Result<Value, ErrorResponse> {
    let &Reading {
        world, caller, call, ..
    } = reading;
    caller.need(world, &[MANAGEMENT])?;
    let account = world
        .accounts
        .get(id)
        .ok_or_else(|| ErrorResponse::unknown_object(id))?;
    caller.reach(world, id)?;
    let fields = node::fields(call, node::NUMBER_DEFAULTS, node::NUMBER_FIELDS)?;
    page(reading, &account.numbers, |id| {
        let number = world
            .numbers
            .get(id)
            .filter(|number| number.state != NumberState::Deleted)?;
        Some(node::number(id, number, &fields))
    })
}

/// The two lists of accounts of a business.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Edge {
    Owned,
    Client,
}

pub(crate) fn accounts(reading: &Reading<'_>, id: &str, edge: Edge) -> Result<Value, ErrorResponse> {
    let &Reading {
        world,
        shape,
        caller,
        call,
        ..
    } = reading;
    caller.need(world, &[MANAGEMENT, BUSINESS])?;
    let business = world
        .businesses
        .get(id)
        .ok_or_else(|| ErrorResponse::unknown_object(id))?;
    let list = match edge {
        Edge::Owned => &business.owned,
        Edge::Client => &business.shared,
    };
    let fields = node::fields(call, node::ACCOUNT_DEFAULTS, node::ACCOUNT_FIELDS)?;
    // An account that the token may not access is omitted, not refused: the list belongs to the business.
    page(reading, list, |id| {
        caller.reach(world, id).ok()?;
        world
            .accounts
            .get(id)
            .map(|account| node::account(id, account, &fields, shape))
    })
}

/// Renders one page of `list`; `item` renders an entry, or omits it.
fn page(
    &Reading { call, base_url, .. }: &Reading<'_>,
    list: &BTreeMap<u64, Id>,
    item: impl Fn(&str) -> Option<Map<String, Value>>,
) -> Result<Value, ErrorResponse> {
    for unsupported in ["filtering", "sort"] {
        if call.param(unsupported).is_some() {
            return Err(ErrorResponse::invalid_parameter(format!(
                "(#100) The parameter {unsupported} is not emulated"
            )));
        }
    }
    let limit = limit(call)?;
    let after = cursor(call, "after")?;
    let before = cursor(call, "before")?;
    let range = (
        after.map_or(Bound::Unbounded, Bound::Excluded),
        before.map_or(Bound::Unbounded, Bound::Excluded),
    );
    if matches!((after, before), (Some(after), Some(before)) if after >= before) {
        return Err(ErrorResponse::invalid_parameter(
            "(#100) The cursors after and before enclose nothing",
        ));
    }
    let shown = list
        .range(range)
        .filter_map(|(position, id)| Some((*position, item(id)?)));
    let mut entries: Vec<_> = if after.is_none() && before.is_some() {
        // Backwards: the entries just before the cursor, in the order of the list.
        let mut nearest: Vec<_> = shown.rev().take(limit).collect();
        nearest.reverse();
        nearest
    } else {
        // One entry more than the page shows whether another page follows.
        shown.take(limit + 1).collect()
    };
    let goes_on = if after.is_none() && before.is_some() {
        !entries.is_empty()
    } else {
        entries.len() > limit
    };
    entries.truncate(limit);
    let (Some(&(first, _)), Some(&(last, _))) = (entries.first(), entries.last()) else {
        return Ok(json!({"data": []}));
    };
    let starts_later = list.range(..first).any(|(_, id)| item(id).is_some());
    let mut paging = json!({"cursors": {"before": encode(first), "after": encode(last)}});
    if let Value::Object(paging) = &mut paging {
        if goes_on {
            paging.insert("next".into(), link(call, base_url, limit, ("after", last)).into());
        }
        if starts_later {
            paging.insert(
                "previous".into(),
                link(call, base_url, limit, ("before", first)).into(),
            );
        }
    }
    let data: Vec<Value> = entries
        .into_iter()
        .map(|(_, entry)| Value::Object(entry))
        .collect();
    Ok(json!({"data": data, "paging": paging}))
}

fn limit(call: &Call) -> Result<usize, ErrorResponse> {
    let Some(text) = call.param("limit") else {
        return Ok(DEFAULT_LIMIT);
    };
    text.parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| {
            ErrorResponse::invalid_parameter(format!(
                "(#100) Param limit must be a number from 1 to {MAX_LIMIT}"
            ))
        })
}

fn encode(position: u64) -> String {
    BASE64URL_NOPAD.encode(&position.to_be_bytes())
}

fn cursor(call: &Call, name: &str) -> Result<Option<u64>, ErrorResponse> {
    let Some(text) = call.param(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    bytes
        .and_then(|bytes| <[u8; 8]>::try_from(bytes).ok())
        .map(|bytes| Some(u64::from_be_bytes(bytes)))
        .ok_or_else(|| {
            ErrorResponse::invalid_parameter(format!("(#100) Param {name} is not a cursor of this list"))
        })
}

/// Returns the URL of the next or previous page. Unlike Meta's, it never contains the token.
fn link(call: &Call, base_url: &str, limit: usize, (name, position): (&str, u64)) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(fields) = call.param("fields") {
        query.append_pair("fields", fields);
    }
    query
        .append_pair("limit", &limit.to_string())
        .append_pair(name, &encode(position));
    format!("{base_url}{}?{}", call.path, query.finish())
}
