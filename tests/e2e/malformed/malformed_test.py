"""Thousands of malformed requests to a model with a column of each type: each is answered, nothing grows."""

from __future__ import annotations

import collections
import concurrent.futures
import http.client
import json
import random
from pathlib import Path

from absl import flags
from absl.testing import absltest

from tests.e2e import served_model
from tests.e2e.malformed import malformed

_REQUESTS = flags.DEFINE_integer("requests", 10_000, "How many malformed requests.", lower_bound=1)
_CLIENTS = 8
_PATIENCE = 60.0
_PATH = "/v2/models/every_type/infer"
# What the server's own JSON parser refuses is an internal error to it; the backend never sees such requests.
_REFUSED_BY_THE_SERVER = ("Unable to parse ", "failed to parse the request JSON buffer: ")
# The server's own allocators keep some.
_MOST_MIB_MORE = 64


class MalformedTest(served_model.ServedModelTest):
    def _ask(self, connection: http.client.HTTPConnection, request: malformed.Request) -> tuple[int, str]:
        body, headers = request.encoded()
        connection.request("POST", _PATH, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")

    def _check(self, request: malformed.Request, status: int, text: str) -> str:
        """What became of a request."""
        what = f"{request.odd}: {status} {text[:500]}\n{request.encoded()[0][:1000]!r}"
        if status == 200:
            return "answered"
        error = json.loads(text)["error"]
        if status == 500 and error.startswith(_REFUSED_BY_THE_SERVER):
            return "refused by the server"
        # What a client sends is never the server's fault.
        self.assertEqual(status, 400, what)
        self.assertTrue(error, what)
        return "refused"

    def _some(self, seed: int, count: int) -> collections.Counter[str]:
        chance = random.Random(seed)
        connection = http.client.HTTPConnection(self.server.http_url, timeout=_PATIENCE)
        seen: collections.Counter[str] = collections.Counter()
        for _ in range(count):
            request = malformed.malformed(chance)
            try:
                status, text = self._ask(connection, request)
            except (OSError, http.client.HTTPException) as error:
                self.fail(f"{request.odd}: {error!r}\n{request.encoded()[0][:1000]!r}")
            seen[self._check(request, status, text)] += 1
        connection.close()
        return seen

    def _all(self, seed: int, count: int) -> collections.Counter[str]:
        seen: collections.Counter[str] = collections.Counter()
        with concurrent.futures.ThreadPoolExecutor(_CLIENTS) as pool:
            for part in [pool.submit(self._some, seed + client, count // _CLIENTS) for client in range(_CLIENTS)]:
                seen += part.result()
        return seen

    def _good(self) -> None:
        connection = http.client.HTTPConnection(self.server.http_url, timeout=_PATIENCE)
        status, text = self._ask(connection, malformed.good(random.Random(1)))
        connection.close()
        self.assertEqual(status, 200, text)

    def _memory(self) -> dict[int, int]:
        """MiB of the server and its stubs that lie in no file."""
        result = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    parent = int((folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
                    text = (folder / "status").read_text(encoding="utf-8")
                except OSError:
                    continue
                if self.server.pid in (int(folder.name), parent) or parent in result:
                    sizes = [line for line in text.splitlines() if line.startswith("RssAnon:")]
                    result[int(folder.name)] = int(sizes[0].split()[1]) >> 10
        return result

    def test_every_request_is_answered_and_nothing_grows(self) -> None:
        self._good()
        self._all(1, max(_REQUESTS.value // 4, _CLIENTS))
        before = self._memory()
        seen = self._all(1000, _REQUESTS.value)
        after = self._memory()
        print(f"{dict(seen)}; MiB {before}, then {after}")
        self._good()
        for kind in ("answered", "refused", "refused by the server"):
            self.assertGreater(seen[kind], 0, seen)
        self.assertEqual(before.keys(), after.keys())
        for pid, size in before.items():
            self.assertLess(after[pid] - size, _MOST_MIB_MORE)


if __name__ == "__main__":
    absltest.main()
