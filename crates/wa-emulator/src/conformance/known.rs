//! What the first reply says of every other.

use super::judge::{Form, Judgement, explain, form};
use super::report::Verdict;
use crate::phone::{Delivery, ReplyFault, Sealed, Spelling};

/// What is wrong with the first reply of an endpoint, and so with every other.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) spelling: Option<Spelling>,
    pub(super) fault: Option<ReplyFault>,
}

impl Known {
    pub(super) fn of(sealed: &Sealed, delivery: &Delivery) -> Self {
        let (spelling, meant) = sealed.meant(&delivery.body);
        Self {
            spelling,
            fault: meant.err(),
        }
    }

    /// Some ways to write base64 show in longer replies only, or by chance.
    pub(super) fn learn(&mut self, sealed: &Sealed, delivery: &Delivery) {
        let later = sealed
            .meant(&delivery.body)
            .0
            .filter(|later| shows_by_chance(*later));
        // The URL-safe alphabet is mostly unpadded too, and is what names the cause.
        if matches!(self.spelling, None | Some(Spelling::LineEnd | Spelling::Unpadded)) {
            self.spelling = later.or(self.spelling);
        }
    }

    /// Whether this is told under the rule for the form of replies already.
    pub(super) fn explains(&self, spelling: Spelling) -> bool {
        self.spelling == Some(spelling)
            || spelling == Spelling::LineEnd
            || (shows_by_chance(spelling) && self.spelling.is_some_and(shows_by_chance))
    }

    /// How replies are written.
    pub(super) fn encoding(&self) -> Judgement {
        match (self.spelling, &self.fault) {
            (Some(Spelling::LineEnd), _) => (
                Verdict::Advice,
                format!(
                    "{}; JavaScript reads it, other clients may not",
                    Spelling::LineEnd
                ),
            ),
            (Some(spelling), _) => (Verdict::Fail, spelling.to_string()),
            (None, Some(ReplyFault::NotEncrypted)) => {
                (Verdict::Skipped, "the reply is not encrypted".to_owned())
            }
            (None, Some(fault)) if form(fault) == Form::Encoding => (Verdict::Fail, explain(fault)),
            (None, _) => (Verdict::Pass, "bare base64".to_owned()),
        }
    }

    /// How replies are encrypted.
    pub(super) fn encryption(&self) -> Judgement {
        match &self.fault {
            Some(fault) if form(fault) == Form::Encoding => {
                (Verdict::Skipped, "the reply is no base64".to_owned())
            }
            Some(fault) if form(fault) == Form::Encryption => (Verdict::Fail, explain(fault)),
            _ => (Verdict::Pass, "the reply was decrypted".to_owned()),
        }
    }
}

fn shows_by_chance(spelling: Spelling) -> bool {
    matches!(
        spelling,
        Spelling::Wrapped | Spelling::UrlSafe | Spelling::Unpadded
    )
}

/// Whether the request was decrypted: a reply that is made with its key proves that, a status does not.
pub(super) fn is_proof(sealed: &Sealed, delivery: &Delivery) -> bool {
    sealed
        .meant(&delivery.body)
        .1
        .map_or_else(|fault| proves(&fault), |_| true)
}

/// Whether a reply with this fault is made with the key of its request.
pub(super) fn proves(fault: &ReplyFault) -> bool {
    matches!(fault, ReplyFault::UnflippedVector) || form(fault) == Form::Content
}
