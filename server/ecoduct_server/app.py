"""The web application: services, routes, and how errors are answered."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException

from ecoduct_server.errors import ServerError
from ecoduct_server.routes import ROUTERS
from ecoduct_server.services import Services
from ecoduct_server.settings import ServerSettings
from ecoduct_wire import __version__
from ecoduct_wire.clock import clock_from_environment

log = logging.getLogger("ecoduct.http")


def create_app(settings: ServerSettings) -> FastAPI:
    """Build the application for a database and a broker that are already running."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services = Services.build(settings, clock=clock_from_environment())
        app.state.services = services
        services.start()
        yield
        services.stop()

    app = FastAPI(title="Ecoduct", version=__version__, lifespan=lifespan, redoc_url=None)
    for router in ROUTERS:
        app.include_router(router)
    # Not the live streams, which this middleware leaves alone.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=6)
    app.mount("/static", StaticFiles(directory=str(files("ecoduct_server").joinpath("web"))))
    app.add_exception_handler(ServerError, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http)
    for away in (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout):
        app.add_exception_handler(away, _store_away)
    app.add_exception_handler(psycopg.DataError, _not_storable)
    return app


def problem(status: int, title: str, **more: Any) -> JSONResponse:
    """An error as ``application/problem+json`` (RFC 9457)."""
    return JSONResponse(
        {"title": title, "status": status, **more},
        status_code=status,
        media_type="application/problem+json",
    )


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServerError)
    return problem(
        error.http_status,
        type(error).__name__,
        detail=error.what,
        where=error.where,
        remedy=error.remedy,
    )


async def _not_understood(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    remedy = "See /docs for what this request takes."
    return problem(422, "BadRequest", detail=str(first["msg"]), where=where, remedy=remedy)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    remedy = "See /docs for what there is."
    return problem(
        error.status_code, "HTTP", detail=str(error.detail), where=request.url.path, remedy=remedy
    )


async def _store_away(_request: Request, error: Exception) -> JSONResponse:
    log.warning("store.away error=%s", str(error).partition("\n")[0])
    remedy = "Try again in a few seconds; nothing is lost, gateways keep what is not committed."
    detail = "The database cannot be reached."
    return problem(503, "StoreError", detail=detail, where="PostgreSQL", remedy=remedy)


async def _not_storable(_request: Request, error: Exception) -> JSONResponse:
    detail = f"The database refuses a value: {str(error).partition(chr(10))[0]}"
    remedy = "Correct the value; texts must not hold NUL, and numbers must fit."
    return problem(400, "BadRequest", detail=detail, where="request", remedy=remedy)
