"""The Glue endpoint: answers what is about runs, passes everything else to the emulator."""

from __future__ import annotations

import json
import logging
import signal
from types import FrameType
from typing import Any

import urllib3
import waitress  # type: ignore[import-untyped]
from flask import Flask, Response, request

from local_cloud.control import ControlPlane
from local_cloud.definitions import EXTRA_FIELDS
from local_cloud.protocol import GlueError, JsonObject, error_body, operation_of, parse_request
from local_cloud.settings import HOST, Settings, settings_from_environment

HEALTH_PATH = "/_local_cloud/health"
_CONTENT_TYPE = "application/x-amz-json-1.1"
_THREADS = 16
# What belongs to one connection and not to the message: RFC 9110, section 7.6.1.
_HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "content-length"}
_CHANGES_TRIGGERS = {"CreateTrigger", "UpdateTrigger", "DeleteTrigger", "StartTrigger", "StopTrigger"}

_LOG = logging.getLogger(__name__)


def make_app(settings: Settings, control: ControlPlane) -> Flask:
    """The web application.

    Args:
        settings: of the local cloud.
        control: what runs jobs and workflows.
    """
    app = Flask(__name__)
    # The emulator is on this machine: nobody has to say that its certificate is right.
    upstream = urllib3.PoolManager(maxsize=_THREADS, retries=False, cert_reqs="CERT_NONE")

    @app.get(HEALTH_PATH)
    def health() -> Response:
        return _json({"home": str(settings.home), "emulator": settings.endpoint})

    @app.route("/", defaults={"path": ""}, methods=["GET", "POST", "PUT", "DELETE", "HEAD"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "DELETE", "HEAD"])
    def glue(path: str) -> Response:
        operation = operation_of(request.headers.get("X-Amz-Target", ""))
        try:
            answer = _answer(control, operation, request.get_data())
            if answer is not None:
                return _json(answer)
            passed = _pass_on(settings, upstream)
            if passed.status_code == 200:
                _after(control, operation, request.get_data())
            return passed
        except GlueError as error:
            return _json(error_body(error), status=400, error=error.code)
        except Exception as error:  # noqa: BLE001 - the client must get an answer in Glue's form, whatever happened
            _LOG.exception("%s failed", operation)
            failure = GlueError("InternalServiceException", f"{type(error).__name__}: {error}")
            return _json(error_body(failure), status=500, error=failure.code)

    return app


def _answer(control: ControlPlane, operation: str, body: bytes) -> JsonObject | None:
    """The endpoint's own answer, or None when the emulator is to answer."""
    handler = control.operations.handlers.get(operation)
    if handler is not None:
        return handler(parse_request(operation, body))
    if operation == "StartTrigger":
        return control.operations.start_trigger(parse_request(operation, body))
    return None


def _after(control: ControlPlane, operation: str, body: bytes) -> None:
    """Keep up with a change of definitions that the emulator has made."""
    action, kind = operation[:6], operation[6:].lower()
    if kind in EXTRA_FIELDS and action in ("Create", "Update", "Delete"):
        sent = json.loads(body)
        name = sent.get("JobName") or sent["Name"]
        if action == "Delete":
            control.definitions.forget(kind, name)
        else:
            control.definitions.keep(kind, name, sent.get(f"{operation[6:]}Update", sent))
    if operation in _CHANGES_TRIGGERS:
        control.scheduler.look_again()


def _pass_on(settings: Settings, upstream: urllib3.PoolManager) -> Response:
    """Send the request to the emulator as it came, and give back its answer as it came."""
    headers = [(name, value) for name, value in request.headers if name.lower() not in _HOP_HEADERS]
    query = request.query_string.decode("latin-1")
    path = request.environ.get("REQUEST_URI") or request.path
    url = f"{settings.endpoint}{path}" + (f"?{query}" if query and "?" not in path else "")
    answer = upstream.request(
        request.method,
        url,
        body=request.get_data(),
        headers=urllib3.HTTPHeaderDict(headers),
        decode_content=False,
        redirect=False,
    )
    kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_HEADERS]
    return Response(answer.data, status=answer.status, headers=kept)


def _json(answer: JsonObject, *, status: int = 200, error: str = "") -> Response:
    response = Response(json.dumps(answer, default=_number), status=status, content_type=_CONTENT_TYPE)
    if error:
        response.headers["x-amzn-ErrorType"] = error
    return response


def _number(value: Any) -> float:
    """Times go over the wire as seconds since 1970."""
    return float(value.timestamp())


def main() -> None:
    """Serve until SIGTERM."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = settings_from_environment()
    control = ControlPlane(settings)
    server = waitress.create_server(
        make_app(settings, control), host=HOST, port=settings.glue_port, threads=_THREADS, ident="glue"
    )

    def stop(_number: int, _frame: FrameType | None) -> None:
        # The main thread only moves bytes between sockets; the work is done on others.
        raise SystemExit

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        control.start()
        _LOG.info("the Glue endpoint listens on %s", settings.glue_endpoint)
        server.run()
    except SystemExit:
        _LOG.info("the Glue endpoint is being stopped")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        server.close()
        control.close()


if __name__ == "__main__":
    main()
