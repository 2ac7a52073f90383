"""Locks: what is read, and what is refused with which words."""

from absl.testing import absltest, parameterized
from hypothesis import given
from hypothesis import strategies as st

from mlflow_backend_utils.env import lock

_DIGEST = "0123456789abcdef" * 4
_NAMES = st.from_regex(r"[a-z][a-z0-9]{0,8}([._-][a-z0-9]{1,4})?", fullmatch=True).map(lock.normalize)
_VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|rc)[0-9])?(\+cpu)?", fullmatch=True)
_DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
_FILES = st.tuples(_VERSIONS, st.lists(_DIGESTS, min_size=1))


class LockTest(parameterized.TestCase):
    def test_reads_what_uv_writes(self) -> None:
        text = (
            "# made by a tool\n"
            f"Foo_Bar[extra]==1.2 ; python_version < '3.13' \\\n    --hash=sha256:{_DIGEST} \\\n"
            f"    --hash=sha256:{_DIGEST[::-1]}\n    # via something\n\nnumpy==2.1.0 --hash=sha256:{_DIGEST}\n"
        )
        first, second = lock.parse(text, "x.lock")
        self.assertEqual((first.name, first.version), ("foo-bar", "1.2"))
        self.assertEqual(first.marker, "python_version < '3.13'")
        self.assertEqual(first.hashes, (_DIGEST, _DIGEST[::-1]))
        self.assertEqual((second.name, second.version, second.marker), ("numpy", "2.1.0", ""))

    @given(
        st.dictionaries(_NAMES.map(lock.normalize), st.tuples(_VERSIONS, st.lists(_DIGESTS, min_size=1)), min_size=1)
    )
    def test_reads_back_any_lock(self, packages: dict[str, tuple[str, list[str]]]) -> None:
        text = "".join(
            f"{name}=={version} \\\n" + " \\\n".join(f"    --hash=sha256:{digest}" for digest in digests) + "\n"
            for name, (version, digests) in packages.items()
        )
        pins = {pin.name: (pin.version, list(pin.hashes)) for pin in lock.parse(text, "any.lock")}
        self.assertEqual(pins, packages)

    @given(st.text(max_size=200))
    def test_any_text_is_read_or_refused_with_a_remedy(self, text: str) -> None:
        try:
            pins = lock.parse(text, "any.lock")
        except lock.LockError as error:
            self.assertStartsWith(str(error), "any.lock:")
            self.assertIn("uv pip compile --generate-hashes", str(error))
        else:
            self.assertTrue(all(pin.hashes for pin in pins))

    @parameterized.parameters(
        ("numpy==2.0\n", "x.lock:1: 'numpy==2.0' has no --hash=sha256:…"),
        (f"\nnumpy>=2 --hash=sha256:{_DIGEST}\n", "x.lock:2: 'numpy>=2' is not pinned to one version with `==`"),
        ("numpy==2.0 --hash=sha256:abc\n", "x.lock:1: 'abc' of 'numpy==2.0' is no sha256"),
        ("-r other.txt\n", "x.lock:1: '-r' is no pin"),
        (f"a==1 --hash=sha256:{_DIGEST}\nA==2 --hash=sha256:{_DIGEST}\n", "x.lock:2: 'a' is pinned twice"),
        ("# nothing\n", "x.lock: the lock is empty"),
    )
    def test_refuses(self, text: str, words: str) -> None:
        with self.assertRaises(lock.LockError) as caught:
            lock.parse(text, "x.lock")
        self.assertStartsWith(str(caught.exception), words)
        self.assertIn("Write it with `uv pip compile --generate-hashes", str(caught.exception))


if __name__ == "__main__":
    absltest.main()
