//! The `DEK-Info` header of OpenSSL's traditional encryption (RFC 1421 §4.6.1.3).

/// The cipher and the initialization vector of a key in OpenSSL's traditional encryption.
pub(crate) struct DekInfo {
    /// OpenSSL's name of the cipher.
    pub(crate) cipher: String,
    pub(crate) iv: Vec<u8>,
}

impl DekInfo {
    /// Parses a value such as `DES-EDE3-CBC,0123456789ABCDEF`.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let value = str::from_utf8(value).ok()?;
        let (cipher, iv) = value.split_once(',')?;
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        // An error may show the name, so its syntax excludes anything that could be key material.
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
