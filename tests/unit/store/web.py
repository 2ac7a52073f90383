"""A small web server on 127.0.0.1."""

import contextlib
import http.server
import threading
from collections.abc import Callable, Iterator

# (method's path with query, headers) to (status, headers, body).
Answer = tuple[int, dict[str, str], bytes]
Site = Callable[[str, dict[str, str]], Answer]


@contextlib.contextmanager
def serving(site: Site) -> Iterator[str]:
    """Answers GET by `site` until the end; the URL."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = site(self.path, dict(self.headers))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
