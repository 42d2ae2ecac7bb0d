"""Executors write packages; each answers with a typed outcome and can be asked what it did."""
