"""The server: takes batches in, keeps fixes, finds crossings and stays, raises alerts."""
