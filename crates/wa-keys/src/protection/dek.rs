//! The `DEK-Info` header of OpenSSL's traditional encryption (RFC 1421 §4.6.1.3).

/// The cipher and the initialisation vector of a traditionally encrypted key.
pub(crate) struct DekInfo {
    /// Name of the cipher, as OpenSSL writes it.
    pub(crate) cipher: String,
    pub(crate) iv: Vec<u8>,
}

impl DekInfo {
    /// Reads `DES-EDE3-CBC,0123456789ABCDEF`.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let value = str::from_utf8(value).ok()?;
        let (cipher, iv) = value.split_once(',')?;
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        // The name may be shown in an error: nothing that could be key material passes for one.
        if cipher.is_empty() || cipher.len() > 24 || !cipher.chars().all(is_name) || iv.len() > 64 {
            return None;
        }
        let digits = iv.chars().map(|c| c.to_digit(16)).collect::<Option<Vec<_>>>()?;
        let (pairs, rest) = digits.as_chunks::<2>();
        let bytes = pairs
            .iter()
            .filter_map(|[high, low]| u8::try_from(high * 16 + low).ok())
            .collect();
        rest.is_empty().then(|| Self {
            cipher: cipher.to_owned(),
            iv: bytes,
        })
    }
}
