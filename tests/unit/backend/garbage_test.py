"""The garbage collector while a model is loaded, and after."""

from __future__ import annotations

import gc
import weakref

from absl.testing import absltest

from mlflow_backend import garbage


class _Node:
    """Something that can be part of a cycle."""

    def __init__(self) -> None:
        self.other = self


class GarbageTest(absltest.TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(gc.unfreeze)

    def test_what_lasts_is_not_looked_at_again(self) -> None:
        with garbage.lasting():
            self.assertFalse(gc.isenabled())
            kept = [_Node() for _ in range(10_000)]
        self.assertTrue(gc.isenabled())
        self.assertGreater(gc.get_freeze_count(), 10_000)
        self.assertFalse(any(one is kept[0] for one in gc.get_objects()))

    def test_what_loading_throws_away_is_freed(self) -> None:
        with garbage.lasting():
            thrown_away = weakref.ref(_Node())
        self.assertIsNone(thrown_away())

    def test_a_load_that_fails(self) -> None:
        with self.assertRaisesRegex(ValueError, "no such model"), garbage.lasting():
            raise ValueError("no such model")
        self.assertTrue(gc.isenabled())

    def test_a_collector_that_is_off_stays_off(self) -> None:
        gc.disable()
        self.addCleanup(gc.enable)
        with garbage.lasting():
            pass
        self.assertFalse(gc.isenabled())


if __name__ == "__main__":
    absltest.main()
