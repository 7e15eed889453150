"""`ecoduct analyse …`: files in, files out; no database."""
