//! Fixed scenarios for rare orders of steps, and for faults outside the random runs.
