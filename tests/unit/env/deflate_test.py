"""The parallel gzip writer: readable, and the same bytes with any number of threads."""

import gzip
import io

from absl.testing import absltest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlflow_backend_utils.env import deflate


def compress(parts: list[bytes], threads: int, level: int = 4) -> bytes:
    out = io.BytesIO()
    with deflate.GzipWriter(out, level, threads) as writer:
        for part in parts:
            writer.write(part)
    return out.getvalue()


class DeflateTest(absltest.TestCase):
    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.binary(max_size=2000)), st.integers(1, 4), st.integers(0, 9), st.integers(1, 2000))
    def test_gzip_reads_it(self, parts: list[bytes], threads: int, level: int, repeat: int) -> None:
        parts = [part * repeat for part in parts]
        self.assertEqual(gzip.decompress(compress(parts, threads, level)), b"".join(parts))

    def test_bytes_depend_on_content_alone(self) -> None:
        data = bytes(range(256)) * 4096 * 5 + b"end"
        reference = compress([data], 1)
        for threads in (2, 3, 8):
            self.assertEqual(compress([data], threads), reference)
        self.assertEqual(compress([data[i : i + 100_003] for i in range(0, len(data), 100_003)], 2), reference)

    def test_sizes_around_a_block(self) -> None:
        for size in (0, 1, deflate.BLOCK - 1, deflate.BLOCK, deflate.BLOCK + 1, 2 * deflate.BLOCK):
            self.assertLen(gzip.decompress(compress([b"x" * size], 2)), size)

    def test_header_holds_no_time_and_no_name(self) -> None:
        self.assertEqual(compress([b"x"], 1)[:10], b"\x1f\x8b\x08\0\0\0\0\0\0\xff")

    def test_error_leaves_no_valid_stream(self) -> None:
        out = io.BytesIO()
        with self.assertRaises(RuntimeError), deflate.GzipWriter(out, 4, 2) as writer:
            writer.write(b"x" * 3 * deflate.BLOCK)
            raise RuntimeError
        with self.assertRaises(EOFError):
            gzip.decompress(out.getvalue())


if __name__ == "__main__":
    absltest.main()
