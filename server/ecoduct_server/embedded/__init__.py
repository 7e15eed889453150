"""The database and the broker that come with Ecoduct, for a machine that has neither.

Both listen on 127.0.0.1 only, keep everything in one folder, and outlive a kill of anything
(docs/decisions/0002-embedded-services.md).
"""

from ecoduct_server.embedded.broker import EmbeddedBroker
from ecoduct_server.embedded.errors import EmbeddedError
from ecoduct_server.embedded.postgres import EmbeddedPostgres
from ecoduct_server.embedded.supervisor import Service, keep_running

__all__ = ["EmbeddedBroker", "EmbeddedError", "EmbeddedPostgres", "Service", "keep_running"]
