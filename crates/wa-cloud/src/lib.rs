//! WhatsApp Cloud API client for encrypted Flows: one builder over the wa-* crates.
