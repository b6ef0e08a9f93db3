#!/usr/bin/env python3
"""Writes weak RSA keys that must be refused, the same keys on every run. Needs no packages.

Each pair is NAME.pem (PKCS#1) and NAME-public.pem (SPKI). Their numbers fulfill all relations of RFC 8017.
"""

import base64
import math
import random
from pathlib import Path

HERE = Path(__file__).parent
RANDOM = random.Random("weak keys, for tests only")
E = 65537


def is_prime(n):
    """Miller-Rabin with 40 random bases."""
    if n < 2 or n % 2 == 0:
        return n == 2
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for _ in range(40):
        x = pow(RANDOM.randrange(2, n - 1), d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def next_prime(n):
    n |= 1
    while any(n % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23)) or n % E == 1 or not is_prime(n):
        n += 2
    return n


def prime(bits):
    """Returns a prime whose two highest bits are set, so that the product of two has the full length."""
    return next_prime(RANDOM.getrandbits(bits) | 3 << bits - 2)


def tlv(tag, value):
    size = len(value)
    if size < 128:
        head = bytes([size])
    else:
        length = size.to_bytes((size.bit_length() + 7) // 8, "big")
        head = bytes([128 | len(length)]) + length
    return bytes([tag]) + head + value


def integer(n):
    return tlv(2, n.to_bytes(n.bit_length() // 8 + 1, "big"))


def write(name, label, der):
    text = base64.encodebytes(der).decode().replace("\n", "")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    (HERE / name).write_text("\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]))


def write_pair(name, p, q):
    n = p * q
    assert n.bit_length() == 2048, (name, n.bit_length())
    d = pow(E, -1, math.lcm(p - 1, q - 1))
    numbers = [0, n, E, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p)]
    write(f"{name}.pem", "RSA PRIVATE KEY", tlv(0x30, b"".join(map(integer, numbers))))
    rsa_encryption = tlv(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    key = tlv(3, b"\0" + tlv(0x30, integer(n) + integer(E)))
    write(f"{name}-public.pem", "PUBLIC KEY", tlv(0x30, rsa_encryption + key))


def roca_prime(bits):
    """Returns a prime as in CVE-2017-15361: k·M + (65537^a mod M). For 2048-bit keys, M is the product of the first 126
    primes."""
    small = [n for n in range(2, 702) if all(n % d for d in range(2, n))]
    assert len(small) == 126
    m = math.prod(small)
    while True:
        k = RANDOM.randrange((3 << bits - 2) // m, (1 << bits) // m)
        candidate = k * m + pow(E, RANDOM.getrandbits(256), m)
        if candidate.bit_length() == bits and is_prime(candidate):
            return candidate


p = prime(1024)
write_pair("factor-3", 3, prime(2046))
write_pair("factor-8191", 8191, prime(2035))
write_pair("all-ones", 2**1024 - 1, 2**1024 + 1)
write_pair("next-prime", p, next_prime(p + 2))
write_pair("close-primes", p, next_prime(p + RANDOM.getrandbits(515)))
write_pair("near-primes", p, next_prime(p ^ RANDOM.getrandbits(924)))
write_pair("composite-factor", p, prime(512) * prime(512))
write_pair("uneven-primes", prime(512), prime(1536))
write_pair("roca", roca_prime(1024), roca_prime(1024))
