//! Fingerprints as hex digits in serialized values.

use serde::{Deserialize as _, Deserializer, Serializer, de};
use wa_keys::Fingerprint;

pub(crate) fn serialize<S: Serializer>(key: &Fingerprint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(key)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
    String::deserialize(deserializer)?
        .parse()
        .map_err(de::Error::custom)
}

/// A fingerprint or `null`.
pub(crate) mod optional {
    use serde::{Deserialize as _, Deserializer, Serializer, de};
    use wa_keys::Fingerprint;

    #[expect(clippy::ref_option, reason = "serde calls it with a reference")]
    pub(crate) fn serialize<S: Serializer>(
        key: &Option<Fingerprint>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match key {
            Some(key) => serializer.collect_str(key),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Fingerprint>, D::Error> {
        Option::<String>::deserialize(deserializer)?
            .map(|text| text.parse().map_err(de::Error::custom))
            .transpose()
    }
}

/// A list of fingerprints.
pub(crate) mod list {
    use serde::{Deserialize as _, Deserializer, Serializer, de};
    use wa_keys::Fingerprint;

    pub(crate) fn serialize<S: Serializer>(keys: &[Fingerprint], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(keys.iter().map(ToString::to_string))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Fingerprint>, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|text| text.parse().map_err(de::Error::custom))
            .collect()
    }
}
