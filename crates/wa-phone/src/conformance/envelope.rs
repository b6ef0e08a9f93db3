//! Envelopes that are written differently than a phone writes them.

use bytes::Bytes;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

/// Bytes of the GCM tag.
const TAG: usize = 16;

/// The three members, as strings.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(super) struct Envelope {
    encrypted_flow_data: String,
    encrypted_aes_key: String,
    initial_vector: String,
}

impl Envelope {
    /// Parses the body of an encrypted request.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    pub(super) fn of(data: &[u8], key: &[u8], vector: &[u8]) -> Self {
        Self {
            encrypted_flow_data: BASE64.encode(data),
            encrypted_aes_key: BASE64.encode(key),
            initial_vector: BASE64.encode(vector),
        }
    }

    /// Writes the envelope as a phone does.
    pub(super) fn body(&self) -> Bytes {
        self.written(":", ",")
    }

    /// Writes the envelope as Python's `json.dumps` does.
    pub(super) fn spaced(&self) -> Bytes {
        self.written(": ", ", ")
    }

    fn written(&self, colon: &str, comma: &str) -> Bytes {
        // Base64 needs no JSON escapes.
        let members = [
            ("encrypted_flow_data", &self.encrypted_flow_data),
            ("encrypted_aes_key", &self.encrypted_aes_key),
            ("initial_vector", &self.initial_vector),
        ]
        .map(|(name, value)| format!("\"{name}\"{colon}\"{value}\""));
        format!("{{{}}}", members.join(comma)).into()
    }

    /// Writes the members in another order, with white space between them.
    pub(super) fn rearranged(&self) -> Bytes {
        let Self {
            encrypted_flow_data,
            encrypted_aes_key,
            initial_vector,
        } = self;
        format!(
            "{{ \"initial_vector\" : \"{initial_vector}\",\r\n\t\
            \"encrypted_aes_key\": \"{encrypted_aes_key}\",\n  \
            \"encrypted_flow_data\":   \"{encrypted_flow_data}\" }}\n"
        )
        .into()
    }

    /// Adds members that no endpoint knows, in the phone's style.
    pub(super) fn with_unknown_members(&self) -> Bytes {
        let mut body = self.body().to_vec();
        body.pop();
        body.extend_from_slice(br#","conformance_check":{"unknown":[1,null,true]},"trace":"x"}"#);
        body.into()
    }

    /// Writes every slash as `\/`. Returns `None` if there is no slash, as in a few of a hundred random
    /// envelopes.
    pub(super) fn with_escaped_slashes(&self) -> Option<Bytes> {
        let all = [
            &self.encrypted_flow_data,
            &self.encrypted_aes_key,
            &self.initial_vector,
        ];
        let body = String::from_utf8(self.body().to_vec()).ok()?;
        all.iter()
            .any(|text| text.contains('/'))
            .then(|| body.replace('/', r"\/").into())
    }

    /// Appends spaces up to this many bytes, which changes the size only.
    pub(super) fn padded_to(&self, bytes: usize) -> Bytes {
        let mut body = self.body().to_vec();
        body.resize(bytes.max(body.len()), b' ');
        body.into()
    }

    /// Inverts the last bit of the tag.
    pub(super) fn with_changed_tag(mut self) -> Self {
        let mut data = BASE64
            .decode(self.encrypted_flow_data.as_bytes())
            .unwrap_or_default();
        if let Some(last) = data.last_mut() {
            *last ^= 1;
        }
        self.encrypted_flow_data = BASE64.encode(&data);
        self
    }

    /// Replaces the data by one byte less than a tag.
    pub(super) fn with_short_data(mut self) -> Self {
        self.encrypted_flow_data = BASE64.encode(&[0; TAG - 1]);
        self
    }

    pub(super) fn empty() -> Self {
        Self::of(&[], &[], &[])
    }

    /// Replaces the data by characters outside every base64 alphabet. The key stays valid, so that only
    /// decoding fails.
    pub(super) fn with_bad_base64(mut self) -> Self {
        "*not base64*".clone_into(&mut self.encrypted_flow_data);
        self
    }

    /// Removes the last byte of the encrypted AES key.
    pub(super) fn with_short_key(mut self) -> Self {
        let mut key = BASE64
            .decode(self.encrypted_aes_key.as_bytes())
            .unwrap_or_default();
        key.pop();
        self.encrypted_aes_key = BASE64.encode(&key);
        self
    }

    /// Truncates the initial vector to 12 bytes.
    pub(super) fn with_short_vector(mut self) -> Self {
        let mut vector = BASE64.decode(self.initial_vector.as_bytes()).unwrap_or_default();
        vector.truncate(12);
        self.initial_vector = BASE64.encode(&vector);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn envelope() -> Envelope {
        Envelope::of(&[0xff; 40], &[0xff; 256], &[0xff; 16])
    }

    fn decoded(body: &[u8]) -> [Vec<u8>; 3] {
        let body: Value = serde_json::from_slice(body).unwrap();
        ["encrypted_flow_data", "encrypted_aes_key", "initial_vector"]
            .map(|name| BASE64.decode(body[name].as_str().unwrap().as_bytes()).unwrap())
    }

    #[test]
    fn every_way_to_write_an_envelope_has_the_same_content() {
        let plain = decoded(&envelope().body());
        let escaped = envelope().with_escaped_slashes().unwrap();
        assert!(escaped.windows(2).any(|pair| pair == br"\/"));
        let padded = envelope().padded_to(2000);
        assert_eq!(padded.len(), 2000);
        for body in [
            envelope().spaced(),
            envelope().rearranged(),
            envelope().with_unknown_members(),
            escaped,
            padded,
        ] {
            assert_eq!(decoded(&body), plain);
        }
        assert!(Envelope::empty().with_escaped_slashes().is_none());
    }

    #[test]
    fn each_change_affects_one_member() {
        let plain = decoded(&envelope().body());
        let [data, ..] = decoded(&envelope().with_changed_tag().body());
        assert_eq!((data.len(), data[39]), (40, 0xfe));
        assert_eq!(decoded(&envelope().with_short_data().body())[0].len(), 15);
        let [data, key, vector] = decoded(&envelope().with_short_key().body());
        assert_eq!(
            (data, key.len(), vector),
            (plain[0].clone(), 255, plain[2].clone())
        );
        assert_eq!(decoded(&envelope().with_short_vector().body())[2].len(), 12);
        assert_eq!(
            decoded(&Envelope::empty().body()),
            [const { Vec::<u8>::new() }; 3]
        );
    }
}
