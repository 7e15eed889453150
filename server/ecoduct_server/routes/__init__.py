"""HTTP, one file for each kind of thing."""

from ecoduct_server.routes import alerts, findings, fixes, health, landscape, pages

ROUTERS = (
    fixes.router,
    landscape.router,
    findings.router,
    alerts.router,
    health.router,
    pages.router,
)
