//! Simple, reproducible random mutations of seeds.

/// The generator xorshift64*: it needs no crate, and the same seed always produces the same numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Returns a number below `end`, or 0 if `end` is 0.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from((self.next() >> 16) % end).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[4]
    }
}

/// Byte sequences that parsers treat specially.
const WORDS: &[&[u8]] = &[
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r\n\r\n",
    b"\n",
    b"\"",
    b"\\ud800",
    b"{",
    b"[[",
    b"null",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"-----BEGIN ",
    b"-----END ",
    b"\x30\x82\xff\xff",
    b"\x30\x80",
    b"\x02\x01\x00",
    b"=",
    b"..",
    b"Transfer-Encoding: chunked\r\n",
    b"content-length: 9999999999999\r\n",
];

/// Returns a seed with one to four mutations.
pub(crate) fn change(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = pick(seeds, random);
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let end = (at + 1 + random.below(32)).min(input.len());
        match random.below(8) {
            0 => flip(&mut input, at, 1 << random.below(8)),
            1 => flip(&mut input, at, random.byte()),
            2 => input.truncate(at),
            3 if at < end => drop(input.drain(at..end)),
            4 => insert(&mut input, at, WORDS[random.below(WORDS.len())]),
            5 if at < end => {
                let repeated = input[at..end].to_vec();
                insert(&mut input, end, &repeated);
            }
            6 => {
                let other = pick(seeds, random);
                input.truncate(at);
                input.extend_from_slice(&other[random.below(other.len() + 1)..]);
            }
            _ => {
                let byte = random.byte();
                insert(&mut input, at, &[byte]);
            }
        }
    }
    input
}

fn pick(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    seeds[random.below(seeds.len())].clone()
}

fn flip(input: &mut [u8], at: usize, bits: u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte ^= bits;
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}
