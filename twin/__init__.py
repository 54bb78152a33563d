"""The machinery of the twin: what a class need not change."""
