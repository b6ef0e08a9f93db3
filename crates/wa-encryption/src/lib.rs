//! The WhatsApp Cloud API's Encryption API: set, get and verify a phone number's business public key.
