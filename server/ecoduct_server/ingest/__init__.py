"""From broker to database: batches, stages, receipts, importers."""
