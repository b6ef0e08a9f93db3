//! RSA-2048 keys for WhatsApp Flows: generate, read every form, check, convert, protect, fingerprint.
