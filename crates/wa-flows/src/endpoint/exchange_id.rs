//! Ids of exchanges.

use std::cell::RefCell;
use std::fmt;

/// Identifies an exchange in logs: 64 random bits, displayed as 16 lowercase hex digits.
///
/// Every client receives the id of its exchange in the header `x-exchange-id`. It reveals neither other ids
/// nor their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExchangeId(u64);

/// The number of ids drawn at once. A call of the random source takes about 0.7 µs, whether for one id or for
/// 64.
const DRAWN_AT_ONCE: usize = 64;

thread_local! {
    /// Ids that were drawn and not used yet.
    static DRAWN: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl ExchangeId {
    /// The id of an exchange that exists only in a test.
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) fn random() -> Self {
        DRAWN.with_borrow_mut(|drawn| {
            if drawn.is_empty() {
                draw(drawn);
            }
            // An id is not a secret: requests are served even if the system's random source fails.
            drawn.pop().map_or(Self::ZERO, Self)
        })
    }
}

fn draw(ids: &mut Vec<u64>) {
    let mut random = [0; DRAWN_AT_ONCE * size_of::<u64>()];
    if aws_lc_rs::rand::fill(&mut random).is_ok() {
        let (chunks, _) = random.as_chunks();
        ids.extend(chunks.iter().copied().map(u64::from_ne_bytes));
    }
}

impl fmt::Display for ExchangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_of_several_batches_and_threads_differ() {
        let draw = || {
            (0..DRAWN_AT_ONCE * 3)
                .map(|_| ExchangeId::random())
                .collect::<Vec<_>>()
        };
        let mut ids = draw();
        ids.extend(std::thread::spawn(draw).join().unwrap());
        let different: HashSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert!(!different.contains(&ExchangeId::ZERO));
    }
}
