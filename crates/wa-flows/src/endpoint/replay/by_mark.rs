//! Tables whose keys are marks.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use crate::endpoint::replay::ReplayMark;

pub(super) type MarkMap<T> = HashMap<ReplayMark, T, BuildHasherDefault<MarkHasher>>;
pub(super) type MarkSet = HashSet<ReplayMark, BuildHasherDefault<MarkHasher>>;

/// Takes the last 8 bytes of a mark as its hash: a mark is part of a SHA-256. Only those who can sign
/// requests can choose marks, so a client cannot slow the tables down with marks that share a slot.
#[derive(Default)]
pub(super) struct MarkHasher(u64);

impl Hasher for MarkHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_ne_bytes(*last);
        }
    }

    // The mark is an array, whose length is written before its bytes.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}
