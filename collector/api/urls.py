"""Addresses of documents for programs, and how each operation's doors reach the one gate (parties/doors.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.views.decorators.http import require_safe
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.operation import Operation, PathView

from collector.api import views
from collector.parties.doors import doors_of, public
from collector.text import visible

VERSION = "1"
"""Of the documents, as their addresses say it; a program relies on it, whatever the collector's own version."""
api = NinjaAPI(
    title="benchwipe collector",
    version=VERSION,
    urls_namespace="api",
    docs_url=None,
    openapi_url=None,
)
api.add_router("/v1", views.router)


@api.exception_handler(ValidationError)
def asked_wrongly(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Say which parameter cannot be, and why; on one line as everywhere."""
    told = "; ".join(f"{'.'.join(str(part) for part in one['loc'][1:])}: {one['msg']}" for one in error.errors)
    return JsonResponse({"error": told}, status=400)


@api.exception_handler(Http404)
def not_there(request: HttpRequest, error: Http404) -> HttpResponse:
    """Say that there is none, in a document like every other refusal."""
    return JsonResponse({"error": str(error) or gettext("There is no such document.")}, status=404)


def _opened() -> Iterator[URLPattern]:
    """Give each address the doors and the scope of its operations. All of an address must say the same."""
    for router in api._get_bound_routers():
        for route, at in router.path_operations.items():
            yield _pattern(route, at)


def _pattern(route: str, at: PathView) -> URLPattern:
    view: Callable[..., Any] = at.get_view()
    said = {(doors_of(one.view_func), getattr(one.view_func, "scope", None)) for one in at.operations}
    if len(said) != 1 or None in next(iter(said)):
        raise TypeError(f"/api/v1{route}: each operation says its roles and its scope, and all of an address the same")
    view = _asked_by_name(view, {name for one in at.operations for name in _parameters(one)})
    view.__dict__["doors"], view.__dict__["scope"] = next(iter(said))
    return path("v1" + route.replace("{", "<").replace("}", ">"), view)


def _parameters(operation: Operation) -> set[str]:
    """Name what may stand after the question mark, as the OpenAPI lists it."""
    found: set[str] = set()
    for model in operation.models:
        if model.__ninja_param_source__ == "query":
            found |= {name for group in model.model_fields.values() for name in _names(group.annotation)}
    return found


def _names(kind: Any) -> set[str]:  # noqa: ANN401 - a schema, or a plain type
    return set(getattr(kind, "model_fields", ()))


def _asked_by_name(view: Callable[..., Any], known: set[str]) -> Callable[..., Any]:
    """Refuse parameters that no operation has: a filter with a slip in its name would give every row."""

    @wraps(view)
    def asked(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the view's own
        unknown = sorted(set(request.GET) - known)
        if unknown:
            told = f"{visible(unknown[0], 60)}: allowed are {', '.join(sorted(known)) or 'no parameters'}"
            return JsonResponse({"error": told}, status=400)
        return view(request, *args, **kwargs)

    return asked


@public
@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    """Describe the documents: `/api/v1/openapi.json`. It holds no data, so everybody may read it."""
    told = api.get_openapi_schema(path_prefix="/api/")
    token = {"type": "http", "scheme": "bearer"}
    told["components"] = {**told.get("components", {}), "securitySchemes": {"token": token}}
    return JsonResponse({**told, "security": [{"token": []}]})


@public
def before(request: HttpRequest, rest: str) -> HttpResponse:
    """Lead from the addresses that had no version to those that have one."""
    if rest.startswith("v1/"):
        raise Http404(gettext("There is no such document."))
    asked = request.META.get("QUERY_STRING", "")
    return redirect(f"/api/v1/{rest}{'?' if asked else ''}{asked}", permanent=True)


urlpatterns = [
    path("v1/openapi.json", openapi),
    *_opened(),
    path("<path:rest>", before),
]
