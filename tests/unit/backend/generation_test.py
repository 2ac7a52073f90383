"""What is heard of a pipeline while it generates."""

from __future__ import annotations

import time
from typing import Any
from unittest import mock

from absl.testing import absltest, parameterized

from tests.unit.backend import pipelines  # isort: skip

from mlflow_backend import generation


class _Listener:
    """Notes what it hears; wants no more of it than `most` tokens, the prompt counted."""

    def __init__(self, most: int = 1000) -> None:
        self.texts: list[str] = []
        self._left = most

    def check(self) -> None:
        if not self._left:
            raise KeyboardInterrupt
        self._left -= 1

    def hear(self, text: str) -> None:
        self.texts.append(text)


class GenerationTest(parameterized.TestCase):
    def setUp(self) -> None:
        super().setUp()
        # Decoding takes no time, so that every token is looked at.
        self.enter_context(mock.patch.object(time, "perf_counter", return_value=1.0))

    def _hear(self, *says: bytes, **parameters: Any) -> list[str]:
        pipeline = pipelines.TextGenerationPipeline(*says)
        heard, listener = generation.Generation(pipeline), _Listener()
        with heard.heard_by(listener):
            pipeline(["Hi"], **parameters)
        return listener.texts

    def test_the_text_after_each_token(self) -> None:
        self.assertEqual(self._hear(b" there", b",", b" you"), ["Hi there", "Hi there,", "Hi there, you"])
        self.assertEqual(self._hear(b" there", b",", return_full_text=False), [" there", " there,"])

    def test_the_caller_gets_what_it_would_have_got(self) -> None:
        pipeline = pipelines.TextGenerationPipeline(b" there")
        before = pipeline(["Hi", "You"])
        heard = generation.Generation(pipeline)
        with heard.heard_by(_Listener()):
            self.assertEqual(pipeline(["Hi", "You"]), before)
        self.assertEqual(pipeline(["Hi", "You"]), before)

    @parameterized.parameters(
        ((b" \xf0\x9f", b"\x98\x80!"), ["Hi", "Hi 😀!"]),
        ((b" a\xe4", b"\xb8", b"\x96"), ["Hi a"]),
        ((b" do", b" n", b"'t"), ["Hi", "Hi", "Hi do n't"]),
        ((b" it", b" '", b" s"), ["Hi it", "Hi it", "Hi it ' s"]),
        ((b" ", b"x"), ["Hi", "Hi x"]),
        ((b" .", b" x"), ["Hi .", "Hi . x"]),
    )
    def test_what_may_change_is_not_heard_yet(self, says: tuple[bytes, ...], texts: list[str]) -> None:
        self.assertEqual(self._hear(*says), texts)

    def test_tokens_when_the_caller_wants_tokens(self) -> None:
        self.assertEqual(self._hear(b" there", b",", return_tensors=True), [" there", " there,"])

    @parameterized.parameters({"num_beams": 2}, {"num_return_sequences": 3})
    def test_several_texts_are_not_heard(self, **parameters: int) -> None:
        self.assertEqual(self._hear(b" there", **parameters), [])

    def test_a_listener_that_wants_no_more_ends_the_generation(self) -> None:
        pipeline = pipelines.TextGenerationPipeline(*[b"x"] * 50)
        heard = generation.Generation(pipeline)
        with self.assertRaises(KeyboardInterrupt), heard.heard_by(_Listener(most=4)):
            pipeline(["Hi"])
        self.assertEqual(pipeline.generated, 4)
        listener = _Listener()
        with heard.heard_by(listener):
            pipeline(["Hi"])
        self.assertLen(listener.texts, 50)

    def test_nobody_listens_afterwards(self) -> None:
        pipeline = pipelines.TextGenerationPipeline(b"x")
        heard, listener = generation.Generation(pipeline), _Listener()
        with heard.heard_by(listener):
            pass
        pipeline(["Hi"])
        self.assertEqual(listener.texts, [])

    def test_long_texts_are_looked_at_less_often(self) -> None:
        # Each look at the clock takes a second, and so does decoding; tokens take none.
        with mock.patch.object(time, "perf_counter", side_effect=iter(range(1000))):
            heard = self._hear(*[b"x"] * 100)
        self.assertLess(len(heard), 20)
        self.assertGreater(len(heard), 5)

    def test_other_pipelines_cannot_be_heard(self) -> None:
        self.assertTrue(generation.generates(pipelines.TextGenerationPipeline()))
        self.assertFalse(generation.generates(object()))
        self.assertFalse(generation.generates(None))


if __name__ == "__main__":
    absltest.main()
