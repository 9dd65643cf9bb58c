"""Kill everything at random under a seeded load, then check the invariants I1 to I9."""
