"""New problems on a topic, of which only those are kept that stand the checks."""
