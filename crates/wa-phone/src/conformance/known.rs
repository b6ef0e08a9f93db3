//! Faults that the first response shows, and that every other response has too.

use super::judge::{FaultKind, Judgement, explain, fault_kind};
use super::report::Verdict;
use crate::{EncryptedRequest, HttpResponse, ResponseFault, Spelling};

/// The faults in the first response of an endpoint, which are reported once.
#[derive(Debug, Default)]
pub(super) struct KnownFaults {
    pub(super) spelling: Option<Spelling>,
    pub(super) fault: Option<ResponseFault>,
}

impl KnownFaults {
    pub(super) fn of(encrypted: &EncryptedRequest, response: &HttpResponse) -> Self {
        let (spelling, content) = encrypted.decode(&response.body);
        Self {
            spelling,
            fault: content.err(),
        }
    }

    /// Updates the base64 fault from a later response: some show only in long responses, or by chance.
    pub(super) fn learn(&mut self, encrypted: &EncryptedRequest, response: &HttpResponse) {
        let later = encrypted
            .decode(&response.body)
            .0
            .filter(|later| shows_by_chance(*later));
        // URL-safe base64 is mostly unpadded too; the alphabet is the cause to report.
        if matches!(self.spelling, None | Some(Spelling::LineEnd | Spelling::Unpadded)) {
            self.spelling = later.or(self.spelling);
        }
    }

    /// Returns whether the rule about the encoding of responses already reports this.
    pub(super) fn explains(&self, spelling: Spelling) -> bool {
        self.spelling == Some(spelling)
            || spelling == Spelling::LineEnd
            || (shows_by_chance(spelling) && self.spelling.is_some_and(shows_by_chance))
    }

    /// Judges the encoding of responses.
    pub(super) fn encoding(&self) -> Judgement {
        match (self.spelling, &self.fault) {
            (Some(Spelling::LineEnd), _) => (
                Verdict::Advice,
                format!(
                    "{}; JavaScript accepts it, other clients may not",
                    Spelling::LineEnd
                ),
            ),
            (Some(spelling), _) => (Verdict::Fail, spelling.to_string()),
            (None, Some(ResponseFault::NotEncrypted)) => {
                (Verdict::Skipped, "the response is not encrypted".to_owned())
            }
            (None, Some(fault)) if fault_kind(fault) == FaultKind::Encoding => {
                (Verdict::Fail, explain(fault))
            }
            (None, _) => (Verdict::Pass, "bare base64".to_owned()),
        }
    }

    /// Judges the encryption of responses.
    pub(super) fn encryption(&self) -> Judgement {
        match &self.fault {
            Some(fault) if fault_kind(fault) == FaultKind::Encoding => {
                (Verdict::Skipped, "the response is not base64".to_owned())
            }
            Some(fault) if fault_kind(fault) == FaultKind::Encryption => (Verdict::Fail, explain(fault)),
            _ => (Verdict::Pass, "the response was decrypted".to_owned()),
        }
    }
}

fn shows_by_chance(spelling: Spelling) -> bool {
    matches!(
        spelling,
        Spelling::Wrapped | Spelling::UrlSafe | Spelling::Unpadded
    )
}

/// Returns whether the request was decrypted: a response that uses its key proves that, a status does not.
pub(super) fn is_proof(encrypted: &EncryptedRequest, response: &HttpResponse) -> bool {
    encrypted
        .decode(&response.body)
        .1
        .map_or_else(|fault| proves(&fault), |_| true)
}

/// Returns whether a response with this fault was encrypted with the key of its request.
pub(super) fn proves(fault: &ResponseFault) -> bool {
    matches!(fault, ResponseFault::UnflippedVector) || fault_kind(fault) == FaultKind::Content
}
