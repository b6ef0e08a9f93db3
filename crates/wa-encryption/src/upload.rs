//! The result of setting a key.

use std::fmt;

use wa_graph::{PhoneNumberId, ResponseMeta};
use wa_keys::Fingerprint;

/// A key that Graph confirmed to be set.
///
/// `Display` names the key and the number. [`meta`](Self::meta) returns the metadata of the response.
#[derive(Clone)]
pub struct Uploaded {
    phone_number_id: PhoneNumberId,
    fingerprint: Fingerprint,
    meta: ResponseMeta,
}

impl Uploaded {
    pub(crate) fn new(phone_number_id: PhoneNumberId, fingerprint: Fingerprint, meta: ResponseMeta) -> Self {
        Self {
            phone_number_id,
            fingerprint,
            meta,
        }
    }

    /// Returns the number.
    pub fn phone_number_id(&self) -> &PhoneNumberId {
        &self.phone_number_id
    }

    /// Returns the fingerprint of the key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns status, trace id, time, usage and attempts of the call.
    pub fn meta(&self) -> &ResponseMeta {
        &self.meta
    }
}

impl fmt::Display for Uploaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, number) = (self.fingerprint.short(), &self.phone_number_id);
        write!(f, "key {key} is set for phone number {number}")
    }
}

impl fmt::Debug for Uploaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploaded")
            .field("phone_number_id", &self.phone_number_id)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
