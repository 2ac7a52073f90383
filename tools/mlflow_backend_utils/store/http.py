"""Models over HTTP: an archive, or the artifact proxy of an MLflow tracking server.

The proxy is known by its path, `/api/2.0/mlflow-artifacts/artifacts/PATH`; `?path=PATH` on its folder lists what is
there (MLflow's REST API). Standard library only.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from mlflow_backend_utils.store import archive, digest, source, uri
from mlflow_backend_utils.store.errors import FetchError, NotAModelError, NotFoundError
from mlflow_backend_utils.store.limits import Budget
from mlflow_backend_utils.store.progress import Progress

_PROXY = "/mlflow-artifacts/artifacts"
_BLOCK = 1 << 18
_TIMEOUT = 60.0
_LARGEST_LISTING = 64 << 20


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()


def authorization(url: str, environ: Mapping[str, str]) -> str:
    """The `Authorization` header for `url`; "": none.

    User name and password in the URL count first; those of MLflow (`MLFLOW_TRACKING_TOKEN`, or
    `MLFLOW_TRACKING_USERNAME` and `_PASSWORD`) are told to nobody but the server of `MLFLOW_TRACKING_URI`.
    """
    parts = urllib.parse.urlsplit(url)
    user, password = parts.username, parts.password
    if user is None:
        if _origin(url) != _origin(environ.get("MLFLOW_TRACKING_URI", "")):
            return ""
        if environ.get("MLFLOW_TRACKING_TOKEN"):
            return f"Bearer {environ['MLFLOW_TRACKING_TOKEN']}"
        user, password = environ.get("MLFLOW_TRACKING_USERNAME"), environ.get("MLFLOW_TRACKING_PASSWORD")
        if not user or not password:
            return ""
        return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    pair = f"{urllib.parse.unquote(user)}:{urllib.parse.unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


class _SameOrigin(urllib.request.HTTPRedirectHandler):
    """Follows redirections, but tells credentials to the first server only."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and _origin(newurl) != _origin(req.full_url):
            following.remove_header("Authorization")
        return following


_OPENER = urllib.request.build_opener(_SameOrigin)


def _open(url: str, environ: Mapping[str, str]) -> Any:
    """The response to GET.

    Raises:
      NotFoundError: 404.
      FetchError: any other failure.
    """
    shown = uri.redacted(url)
    parts = urllib.parse.urlsplit(url)
    bare = urllib.parse.urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    header = authorization(url, environ)
    request = urllib.request.Request(bare, headers={"Authorization": header} if header else {})
    try:
        return _OPENER.open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 404:
            raise NotFoundError(f"{shown}: the server has nothing there (404)") from error
        hint = ""
        if error.code in (401, 403):
            hint = (
                ". Put user name and password into the URL, or set MLFLOW_TRACKING_URI to the server, and "
                "MLFLOW_TRACKING_TOKEN or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            )
        raise FetchError(f"{shown}: the server answers {error.code} {error.reason}{hint}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise FetchError(f"{shown}: {reason}. Check the address, and that the server runs") from error


def download(url: str, path: str, environ: Mapping[str, str], budget: Budget, progress: Progress) -> None:
    """Write what `url` answers to the file `path`.

    Raises:
      NotFoundError, FetchError, LimitError: it does not come, does not come whole, or is too much.
    """
    shown = uri.redacted(url)
    budget.add_file(shown)
    with _open(url, environ) as response, open(path, "wb") as file:
        length = response.headers.get("Content-Length", "")
        expected = int(length) if length.isdigit() else None
        progress.begin(urllib.parse.unquote(shown.rstrip("/").rpartition("/")[2]), expected)
        received = 0
        try:
            for block in iter(lambda: response.read(_BLOCK), b""):
                budget.spend(len(block), shown)
                file.write(block)
                received += len(block)
                progress.advance(len(block))
        except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
            raise FetchError(f"{shown}: the connection broke after {received} bytes ({error}); try again") from error
    if expected is not None and received != expected:
        raise FetchError(f"{shown}: {received} of {expected} bytes arrived; try again")


def _list(base: str, path: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Paths of the files below `path` of an artifact proxy, relative to it."""
    pending = [""]
    while pending:
        folder = pending.pop()
        whole = f"{path}/{folder}" if folder else path
        url = f"{base}?{urllib.parse.urlencode({'path': whole})}"
        with _open(url, environ) as response:
            try:
                files = json.loads(response.read(_LARGEST_LISTING)).get("files", [])
                items = [(str(item["path"]), bool(item.get("is_dir"))) for item in files]
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise FetchError(f"{uri.redacted(base)} does not list artifacts as MLflow does: {error}") from error
        for name, is_folder in items:
            inside = digest.check_path(f"{folder}/{name}" if folder else name)
            if is_folder:
                pending.append(inside)
            elif not digest.is_bytecode(inside):
                yield inside


def _fetch_proxy(
    url: str, scratch: str, environ: Mapping[str, str], budget: Budget, progress: Progress
) -> source.Fetched | None:
    """The model folder behind an artifact proxy; None when `url` is a file."""
    parts = urllib.parse.urlsplit(url)
    front, marker, rest = parts.path.partition(_PROXY)
    path = urllib.parse.unquote(rest).strip("/")
    base = urllib.parse.urlunsplit((parts.scheme, parts.netloc, front + marker, "", ""))
    names = sorted(set(_list(base, path, environ)))
    if not names or names == [path.rpartition("/")[2]]:  # servers list a file as itself, or not at all
        return None
    folder = os.path.join(scratch, "artifacts")
    for name in names:
        target = os.path.join(folder, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        whole = f"{base}/{urllib.parse.quote(f'{path}/{name}' if path else name)}"
        download(whole, target, environ, budget, progress)
    return source.Fetched(source.find_model(folder, uri.redacted(url)), True, {})


def fetch(url: str, scratch: str, environ: Mapping[str, str], budget: Budget, progress: Progress) -> source.Fetched:
    """The model at `url`, below `scratch`.

    Args:
      url: of an archive, or of a folder or archive behind an artifact proxy.
      scratch: an existing folder to write into.
      environ: environment variables, for MLflow's credentials.
      budget: most bytes and files; an archive and what is in it are counted apart.
      progress: is told what arrives.

    Raises:
      NotFoundError, FetchError: the server does not give it.
      NotAModelError, ArchiveError, LimitError: what it gives is no model.
    """
    if _PROXY in urllib.parse.urlsplit(url).path:
        found = _fetch_proxy(url, scratch, environ, budget.fresh(), progress)
        if found:
            return found
    file = os.path.join(scratch, os.path.basename(urllib.parse.urlsplit(url).path.rstrip("/")) or "download")
    download(url, file, environ, budget.fresh(), progress)
    if not archive.is_archive(file):
        raise NotAModelError(
            f"{uri.redacted(url)} gives no archive (.tar.gz, .tar, .tar.bz2, .tar.xz, .zip), and its path is not "
            "that of an MLflow artifact proxy (/api/2.0/mlflow-artifacts/artifacts/…)"
        )
    folder = source.unpacked(file, scratch, uri.redacted(url), budget)
    return source.Fetched(folder, True, {})
