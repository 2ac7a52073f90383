"""Spec 8.5, line 51: logging from every place and thread, with the caller's file and line."""

import re
from pathlib import Path

from absl.testing import absltest

from tests.conformance import harness
from tests.conformance.repository import Model

# Call in the model's log_all -> severity letter of its line.
_CALLS = {
    "info": "I",
    "warning": "W",
    "error": "E",
    "verbose": "I",
    "plain": "I",
    "explicit": "W",
    "level": "E",
}
_FIRST_LINE = next(
    number
    for number, text in enumerate((Path(__file__).parent / "models/logs/model.py").read_text().splitlines(), 1)
    if "log_info" in text
)


class LoggingTest(harness.ServerTest):
    MODELS = [Model("logs"), Model("logs", "ending")]
    SERVER_ARGS = ["--log-verbose=1"]

    def _wait(self, text: str) -> str:
        harness.wait_for(lambda: text in self.server.log_text(), f"'{text}' in the log")
        return self.server.log_text()

    def _check(self, place: str) -> None:
        log = self._wait(f"{place} level")
        for index, (call, letter) in enumerate(_CALLS.items()):
            with self.subTest(call):
                # The server writes a line and its end apart: lines of its other threads may come between.
                line = rf'(\w)\d{{4}} \d\d:\d\d:\d\d\.\d+ \d+ (\S+):(\d+)\] +"?{place} {call}"?(?=\s|[IWE]\d{{4}} )'
                found = re.search(line, log)
                assert found, f"no line '{place} {call}'"
                self.assertEqual(found.groups(), (letter, "model.py", str(_FIRST_LINE + index)))

    def test_line_51_before_the_server_listens(self) -> None:
        self._check("init")

    def test_line_51_initialize(self) -> None:
        self._check("initialize")

    def test_line_51_execute(self) -> None:
        self.ask("logs")
        self._check("execute")

    def test_line_51_finalize(self) -> None:
        self.unload("ending")
        self._check("finalize")

    def test_line_51_texts(self) -> None:
        self.ask("logs", "text")
        log = self._wait("y" * 100_000)
        self.assertRegex(log, r'"?first line(\n|\\n)second line')
        self.assertRegex(log, "größe 💡|gr\\\\")

    def test_line_51_threads(self) -> None:
        self.ask("logs", "threads")
        for thread in range(4):
            log = self._wait(f"thread {thread} line 099")
        for thread in range(4):
            numbers = re.findall(rf"thread {thread} line (\d+)", log)
            self.assertEqual(numbers, [f"{number:03d}" for number in range(100)])

    def test_line_51_10000_lines(self) -> None:
        self.ask("logs", "many")
        log = self._wait("many 09999")
        self.assertEqual(re.findall(r"many (\d{5})", log), [f"{number:05d}" for number in range(10_000)])


if __name__ == "__main__":
    absltest.main()
