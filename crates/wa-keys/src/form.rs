//! The formats of keys, certificates and requests.

use std::fmt;

/// The format of a key, certificate or request, independent of its encoding.
///
/// `Display` writes the common name, such as "PKCS#8 private key".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7), PEM label `PUBLIC KEY`: the format that WhatsApp requires.
    SpkiPublicKey,
    /// `RSAPublicKey` (RFC 8017 §A.1.1), PEM label `RSA PUBLIC KEY`.
    Pkcs1PublicKey,
    /// X.509 certificate (RFC 5280).
    Certificate,
    /// PKCS#10 certificate request (RFC 2986).
    CertificateRequest,
    /// `PrivateKeyInfo` (RFC 5208), PEM label `PRIVATE KEY`.
    Pkcs8PrivateKey,
    /// `RSAPrivateKey` (RFC 8017 §A.1.2), PEM label `RSA PRIVATE KEY`.
    Pkcs1PrivateKey,
    /// `EncryptedPrivateKeyInfo` (RFC 5208), PEM label `ENCRYPTED PRIVATE KEY`.
    EncryptedPkcs8PrivateKey,
    /// PKCS#12 container (RFC 7292), `.p12` or `.pfx`.
    Pkcs12,
    /// OpenSSL's traditional encrypted PEM: headers `Proc-Type: 4,ENCRYPTED` and `DEK-Info`.
    TraditionalEncryptedPrivateKey,
    /// `ECPrivateKey` (RFC 5915), PEM label `EC PRIVATE KEY`.
    EcPrivateKey,
    /// OpenSSL's traditional DSA key, PEM label `DSA PRIVATE KEY`.
    DsaPrivateKey,
    /// JSON Web Key (RFC 7517) with public members only.
    PublicJsonWebKey,
    /// JSON Web Key with private members, or a symmetric key.
    PrivateJsonWebKey,
}

impl Form {
    /// Returns whether the format contains a private key, encrypted or not.
    pub fn is_private(self) -> bool {
        match self {
            Self::Pkcs8PrivateKey
            | Self::Pkcs1PrivateKey
            | Self::EncryptedPkcs8PrivateKey
            | Self::Pkcs12
            | Self::TraditionalEncryptedPrivateKey
            | Self::EcPrivateKey
            | Self::DsaPrivateKey
            | Self::PrivateJsonWebKey => true,
            Self::SpkiPublicKey
            | Self::Pkcs1PublicKey
            | Self::Certificate
            | Self::CertificateRequest
            | Self::PublicJsonWebKey => false,
        }
    }

    /// Returns whether the format is encrypted, or (PKCS#12) usually is.
    pub fn is_encrypted(self) -> bool {
        matches!(
            self,
            Self::EncryptedPkcs8PrivateKey | Self::Pkcs12 | Self::TraditionalEncryptedPrivateKey
        )
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SpkiPublicKey => "SPKI public key",
            Self::Pkcs1PublicKey => "PKCS#1 public key",
            Self::Certificate => "X.509 certificate",
            Self::CertificateRequest => "certificate request (PKCS#10)",
            Self::Pkcs8PrivateKey => "PKCS#8 private key",
            Self::Pkcs1PrivateKey => "PKCS#1 private key",
            Self::EncryptedPkcs8PrivateKey => "encrypted PKCS#8 private key",
            Self::Pkcs12 => "PKCS#12 container (.p12 or .pfx)",
            Self::TraditionalEncryptedPrivateKey => "encrypted private key in OpenSSL's traditional format",
            Self::EcPrivateKey => "EC private key",
            Self::DsaPrivateKey => "DSA private key",
            Self::PublicJsonWebKey => "public JSON Web Key",
            Self::PrivateJsonWebKey => "private JSON Web Key",
        })
    }
}

/// A format that this crate recognizes but does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ForeignForm {
    /// `-----BEGIN OPENSSH PRIVATE KEY-----`.
    OpenSshPrivateKey,
    /// An `ssh-rsa AAAA…` line.
    SshPublicKey,
    /// An SSH2 public key block (RFC 4716).
    Rfc4716PublicKey,
    /// `---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----`, written by ssh.com's programs.
    SshComPrivateKey,
    /// `PuTTY-User-Key-File-…`.
    PuttyPrivateKey,
    /// PKCS#12 (`.p12`, `.pfx`) in BER with indefinite lengths.
    BerPkcs12,
    /// PKCS#7 / CMS (`.p7b`).
    Pkcs7,
    /// A Java key store in Sun's own format.
    JavaKeyStore,
    /// An `OpenPGP` block.
    Pgp,
    /// Algorithm parameters (`EC PARAMETERS`, `DH PARAMETERS`) without a key.
    Parameters,
    /// A certificate revocation list.
    RevocationList,
}

impl ForeignForm {
    /// Returns whether the format contains a private key or, for a container, can contain one.
    pub fn is_private(self) -> bool {
        matches!(
            self,
            Self::OpenSshPrivateKey
                | Self::SshComPrivateKey
                | Self::PuttyPrivateKey
                | Self::BerPkcs12
                | Self::JavaKeyStore
        )
    }

    /// Returns the indefinite article for the name.
    pub(crate) fn article(self) -> &'static str {
        match self {
            Self::SshPublicKey | Self::Rfc4716PublicKey | Self::Pgp => "an",
            _ => "a",
        }
    }
}

impl fmt::Display for ForeignForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OpenSshPrivateKey => "private key in OpenSSH's own format",
            Self::SshPublicKey => "SSH public key",
            Self::Rfc4716PublicKey => "SSH public key in the format of RFC 4716",
            Self::SshComPrivateKey => "private key in ssh.com's own format",
            Self::PuttyPrivateKey => "PuTTY private key",
            Self::BerPkcs12 => "PKCS#12 container in BER rather than DER",
            Self::Pkcs7 => "PKCS#7 container (.p7b)",
            Self::JavaKeyStore => "Java key store",
            Self::Pgp => "OpenPGP block",
            Self::Parameters => "block of parameters without a key",
            Self::RevocationList => "certificate revocation list",
        })
    }
}
