//! The safety rules, each of which a simulation switches off to show that it is needed.

/// A rule of key life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// `promoted` is written before the first upload; only the primary is uploaded.
    IntentFirst,
    /// The log and the number are read again within 30 s before each upload.
    Guard,
    /// A record counts only if its instance has read the event that made the key servable.
    AckHead,
    /// A record without `stopped` is waited for by no instance's clock, and no record is a refusal.
    AckBlock,
    /// The set remembers its numbers; commands ask about all of them.
    NumbersInLog,
    /// Elapsed times use the smaller of two clocks, and a wrong clock writes nothing.
    StoreClock,
    /// Replacing an old key late restarts its grace time.
    GraceLastSeen,
    /// `disable` is refused inside the grace time.
    DisableGrace,
    /// A rollback waits for instances and proves the key, as a rotation does.
    RollbackServes,
    /// An event about the key between serve and promote repeats both.
    ProveAgain,
    /// The log that an event follows is read before the registry is asked.
    ReadBeforeAudit,
    /// `destroyed` is written before the private key is deleted.
    #[cfg(test)]
    DestroyEventFirst,
    /// A rotation remembers the primary at its start: if it changed, the rotation is done.
    Join,
    /// A gateway never follows a log that is shorter than what it has seen.
    #[cfg(test)]
    NeverGoBack,
}

/// Which rules hold: all, except in a simulation.
#[cfg(not(test))]
#[derive(Debug, Clone, Default)]
pub(crate) struct Rules {}

#[cfg(not(test))]
impl Rules {
    #[expect(clippy::unused_self, reason = "the simulation's variant uses it")]
    pub(crate) fn hold(&self, _: Rule) -> bool {
        true
    }
}

/// Which rule is switched off, and what replaces it.
#[cfg(test)]
#[derive(Clone, Default)]
pub(crate) struct Rules {
    pub(crate) off: Option<Rule>,
    /// The numbers that a command names, if the set does not remember them.
    pub(crate) named: Vec<wa_graph::PhoneNumberId>,
    /// Learns which primary a rotation finds at its start.
    pub(crate) started: Option<std::sync::Arc<dyn Fn(Option<wa_keys::Fingerprint>) + Send + Sync>>,
    /// Deletes a private key, without an event.
    pub(crate) delete: Option<Delete>,
}

#[cfg(test)]
pub(crate) type Delete = std::sync::Arc<
    dyn Fn(wa_keys::Fingerprint) -> futures_util::future::BoxFuture<'static, ()> + Send + Sync,
>;

#[cfg(test)]
impl Rules {
    pub(crate) fn hold(&self, rule: Rule) -> bool {
        self.off != Some(rule)
    }

    /// Deletes a private key before its event is written.
    pub(crate) async fn delete_unannounced(&self, key: wa_keys::Fingerprint) {
        if let Some(delete) = &self.delete {
            delete(key).await;
        }
    }
}

#[cfg(test)]
impl Rule {
    pub(crate) const ALL: &[Self] = &[
        Self::IntentFirst,
        Self::Guard,
        Self::AckHead,
        Self::AckBlock,
        Self::NumbersInLog,
        Self::StoreClock,
        Self::GraceLastSeen,
        Self::DisableGrace,
        Self::RollbackServes,
        Self::ProveAgain,
        Self::ReadBeforeAudit,
        Self::DestroyEventFirst,
        Self::NeverGoBack,
        Self::Join,
    ];

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::IntentFirst => "intent-first",
            Self::Guard => "guard",
            Self::AckHead => "ack-head",
            Self::AckBlock => "ack-block",
            Self::NumbersInLog => "numbers-in-log",
            Self::StoreClock => "store-clock",
            Self::GraceLastSeen => "grace-last-seen",
            Self::DisableGrace => "disable-grace",
            Self::RollbackServes => "rollback-serves",
            Self::ProveAgain => "prove-again",
            Self::ReadBeforeAudit => "read-before-audit",
            Self::DestroyEventFirst => "destroy-event-first",
            Self::NeverGoBack => "never-go-back",
            Self::Join => "join",
        }
    }
}
