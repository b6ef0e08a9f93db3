//! A local stand-in for Meta's side of WhatsApp Flows encryption, for tests and demos.
