//! Randomness for the pauses between attempts; nothing secret depends on it.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of randomness for pauses.
///
/// Clients that fail together must not retry together, so the default is random. A seed makes tests
/// reproducible.
#[derive(Debug)]
pub struct Jitter(AtomicU64);

impl Jitter {
    /// Creates a source that differs from process to process.
    pub fn random() -> Self {
        // The standard library's hash keys are random, and different for every `RandomState`.
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// Creates a source that returns the same sequence for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// Returns the next number, uniformly distributed over `0.0..1.0`.
    pub(crate) fn next(&self) -> f64 {
        // SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
        const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit an f64 exactly")]
        let fraction = (z >> 11) as f64 / (1_u64 << 53) as f64;
        fraction
    }
}

impl Clone for Jitter {
    fn clone(&self) -> Self {
        Self::seeded(self.0.load(Ordering::Relaxed))
    }
}

impl Default for Jitter {
    fn default() -> Self {
        Self::random()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_sequence_within_its_range() {
        let (a, b) = (Jitter::seeded(7), Jitter::seeded(7));
        let first: Vec<f64> = (0..1000).map(|_| a.next()).collect();
        let second: Vec<f64> = (0..1000).map(|_| b.next()).collect();
        assert_eq!(first, second);
        assert!(first.iter().all(|x| (0.0..1.0).contains(x)));
        let mean = first.iter().sum::<f64>() / 1000.0;
        assert!((0.45..0.55).contains(&mean), "{mean}");
    }

    #[test]
    fn two_random_sources_differ() {
        assert!((Jitter::random().next() - Jitter::random().next()).abs() > 0.0);
    }
}
