// The region: named objects, allocation, counts, growth from both sides (spec sections 2.1 to 2.5).
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <sys/wait.h>
#include <thread>

#include "stub/error.h"
#include "stub/shm/chunk.h"
#include "stub/shm/dictionary.h"
#include "tests/stub/parent_side.h"

using namespace mlflow_triton::stub;

#if defined(__x86_64__)
BOOST_AUTO_TEST_CASE(objects_lie_where_every_official_server_has_them) {
  ParentSide parent;
  BOOST_TEST(parent.control() == 336);
  BOOST_TEST(parent.OffsetOf("shm_mutex") == 184u);
  BOOST_TEST(parent.OffsetOf("total size") == 296u);
}
#endif

BOOST_AUTO_TEST_CASE(a_missing_region_is_told) {
  BOOST_CHECK_EXCEPTION(Region::Open("stub_test_none", 1 << 20, 336), StubError, [](const StubError &error) {
    return std::string(error.what()).find("'stub_test_none'") != std::string::npos;
  });
}

BOOST_AUTO_TEST_CASE(a_size_that_does_not_match_is_refused) {
  ParentSide parent;
  const int fd = shm_open(("/" + parent.name()).c_str(), O_RDWR, 0);
  BOOST_TEST(ftruncate(fd, 3 << 20) == 0);
  close(fd);
  BOOST_CHECK_THROW(Region::Open(parent.name(), 1 << 20, parent.control()), StubError);
}

BOOST_AUTO_TEST_CASE(chunks_are_counted_and_freed) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  const std::uint64_t before = parent.FreeBytes();
  {
    ChunkSet chunks(*region);
    Handle text = kNoHandle;
    {
      Region::Lock lock(*region);
      text = chunks.AllocateText(lock, std::string("a\0b", 3));
      chunks.Load(lock, text);
    }
    BOOST_TEST(text % 16 == 0);
    BOOST_TEST(parent.CountOf(text) == 2u);
    BOOST_TEST(region->IsPlausible(text));
    BOOST_TEST(!region->IsPlausible(text + 8));
    BOOST_TEST(!region->IsPlausible(Handle{1} << 40));
    BOOST_TEST((ReadText(*region, text) == std::string("a\0b", 3)));
    BOOST_TEST(parent.FreeBytes() < before);
  }
  BOOST_TEST(parent.FreeBytes() < before); // kept for further use
  BOOST_TEST(region->FreeBytes() == before);
  BOOST_TEST(parent.FreeBytes() == before);
}

BOOST_AUTO_TEST_CASE(small_chunks_are_used_again_when_the_other_side_is_done) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  const auto allocate = [&](std::size_t bytes) {
    ChunkSet chunks(*region);
    Region::Lock lock(*region);
    return chunks.Allocate(lock, bytes);
  };
  const Handle first = allocate(100);
  BOOST_TEST(allocate(70) == first); // of the same size when rounded up
  BOOST_TEST(allocate(200) != first);
  {
    Region::Lock lock(*region);
    lock.AddReference(first); // as the parent
  }
  BOOST_TEST(allocate(100) != first);
  region->Release(first);
  BOOST_TEST(allocate(100) == first);
  const Handle large = allocate(1 << 16);
  BOOST_TEST(allocate(1 << 16) == large); // freed, and found again by the allocator
}

BOOST_AUTO_TEST_CASE(late_releases_happen_with_the_next_lock) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  const Handle chunk = parent.Allocate(100);
  const std::uint64_t before = region->FreeBytes();
  region->ReleaseLater(chunk);
  BOOST_TEST(parent.FreeBytes() == before);
  region->FlushReleases();
  BOOST_TEST(parent.FreeBytes() > before);
}

BOOST_AUTO_TEST_CASE(dictionaries_round_trip) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  const std::map<std::string, std::string> entries{{"", "empty key"}, {"k", ""}, {"file", std::string(1000, '\0')}};
  ChunkSet chunks(*region);
  Handle full = kNoHandle, none = kNoHandle;
  {
    Region::Lock lock(*region);
    full = AllocateDictionary(chunks, lock, entries);
    none = AllocateDictionary(chunks, lock, {});
  }
  BOOST_TEST((ReadDictionary(*region, full) == entries));
  BOOST_TEST(ReadDictionary(*region, none).empty());
}

BOOST_AUTO_TEST_CASE(the_stub_grows_the_region) {
  ParentSide parent((1 << 20) + 1); // sizes need not be multiples of anything
  const auto region = Region::Open(parent.name(), 1000003, parent.control());
  const char *old_place = region->Payload(parent.control());
  ChunkSet chunks(*region);
  Handle big = kNoHandle;
  {
    Region::Lock lock(*region);
    big = chunks.Allocate(lock, 8 << 20);
  }
  std::memset(region->Payload(big, 8 << 20), 0x5a, 8 << 20);
  BOOST_TEST(parent.TotalSize() == region->size());
  BOOST_TEST((region->size() - (1 << 20) - 1) % 1000003 == 0u);
  BOOST_TEST(region->size() > 8u << 20);
  BOOST_TEST(region->Payload(parent.control()) == old_place); // old pointers stay valid
}

BOOST_AUTO_TEST_CASE(growth_by_the_parent_is_followed) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  for (int round = 0; round < 4; ++round) {
    parent.Grow();
    const Handle chunk = parent.Allocate(900000);
    std::memcpy(parent.At<char>(chunk) + 899990, "grown", 5);
    BOOST_TEST(std::string(region->Payload(chunk, 900000) + 899990, 5) == "grown");
    region->FreeBytes(); // any lock operation
    BOOST_TEST(region->size() == parent.TotalSize());
  }
}

BOOST_AUTO_TEST_CASE(handles_outside_are_refused) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  BOOST_CHECK_THROW(region->Payload(0), StubError);
  BOOST_CHECK_THROW(region->Payload(-16), StubError);
  BOOST_CHECK_THROW(region->Payload(1 << 20, 1), StubError);
  BOOST_CHECK_THROW(region->Payload(336, 2 << 20), StubError);
  BOOST_CHECK_THROW(region->Payload(336, ~std::size_t{0} - 336), StubError); // the sum wraps around
  BOOST_CHECK_THROW(region->Payload(336, 1, ~std::size_t{0}), StubError);
  BOOST_CHECK_THROW(region->Payload(336 + 4), StubError); // chunks are aligned
}

BOOST_AUTO_TEST_CASE(only_live_chunks_can_be_referred_to) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  const Handle chunk = parent.Allocate(100);
  *parent.At<std::uint64_t>(chunk) = 0;
  Region::Lock lock(*region);
  lock.AddReference(chunk);
  BOOST_TEST(parent.CountOf(chunk) == 2u);
  for (const Handle handle : {Handle{0}, Handle{-16}, Handle{192}, chunk + 8, chunk + 16, Handle{1} << 40}) {
    BOOST_CHECK_THROW(lock.AddReference(handle), StubError);
  }
}

BOOST_AUTO_TEST_CASE(a_recorded_size_beyond_the_file_is_refused) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  parent.RecordedSize() = std::uint64_t{1} << 45;
  BOOST_CHECK_THROW(region->FreeBytes(), StubError);
  parent.RecordedSize() = 1 << 20;
  BOOST_TEST(region->FreeBytes() > 0u); // the mutex was given back
}

BOOST_AUTO_TEST_CASE(two_processes_allocate_at_the_same_time) {
  ParentSide parent;
  const auto work = [&parent] {
    const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
    for (int round = 0; round < 3000; ++round) {
      ChunkSet chunks(*region);
      Region::Lock lock(*region);
      const Handle chunk = chunks.Allocate(lock, static_cast<std::size_t>(round % 500));
      if (parent.CountOf(chunk) != 1) {
        return false;
      }
      chunks.ClearLater();
    }
    region->FreeBytes(); // nothing is kept
    return true;
  };
  const std::uint64_t before = parent.FreeBytes();
  const pid_t child = fork();
  if (child == 0) {
    _exit(work() ? 0 : 1);
  }
  BOOST_TEST(work());
  int status = -1;
  waitpid(child, &status, 0);
  BOOST_TEST(status == 0);
  BOOST_TEST(parent.FreeBytes() == before);
}

BOOST_AUTO_TEST_CASE(what_a_dead_process_held_is_freed) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  const Handle of_parent = parent.Allocate(100);
  const std::uint64_t before = parent.FreeBytes();
  Handle kept = kNoHandle;
  {
    Region::Lock lock(*region);
    kept = lock.Allocate(40); // of a process without a mark
  }
  const std::uint64_t with_kept = parent.FreeBytes();
  region->MarkReferences(77);
  {
    Region::Lock lock(*region);
    for (int count = 0; count < 100; ++count) {
      lock.Allocate(static_cast<std::size_t>(count * 37));
    }
    lock.AddReference(of_parent);
    lock.AddReference(of_parent);
    lock.Release(lock.Allocate(64));
    lock.AddReference(kept);
    lock.Release(kept);
  }
  region->MarkReferences(0);
  BOOST_TEST(parent.CountOf(of_parent) == 3u);
  BOOST_TEST(region->DropMarked(78) == 0u);
  BOOST_TEST(region->DropMarked(77) == 101u);
  BOOST_TEST(parent.CountOf(of_parent) == 1u);
  BOOST_TEST(parent.CountOf(kept) == 1u);
  BOOST_TEST(parent.FreeBytes() == with_kept);
  region->Release(kept);
  BOOST_TEST(parent.FreeBytes() == before);
}

/// A tensor as the parent makes one: FP32[count], with its data inline.
struct InlineTensor {
  Handle handle;
  std::size_t offset; ///< of the memory block
};

InlineTensor MakeTensor(ParentSide &parent, const std::string &name, std::int64_t count) {
  const std::size_t offset = sizeof(TensorShm) + sizeof(std::int64_t) + sizeof(TextShm) + name.size();
  const Handle handle = parent.Allocate(offset + 56 + static_cast<std::size_t>(count) * sizeof(float));
  char *at = parent.At<char>(handle);
  TensorShm head{};
  head.dims_count = 1;
  StoreAt(at, head);
  StoreAt(at + sizeof(head), count);
  StoreAt(at + sizeof(head) + sizeof(count), TextShm{kNoHandle, name.size()});
  std::memcpy(at + offset - name.size(), name.data(), name.size());
  return {handle, offset};
}

BOOST_AUTO_TEST_CASE(an_inline_block_is_lent_and_taken_back) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  const std::uint64_t before = parent.FreeBytes();
  const auto [tensor, offset] = MakeTensor(parent, "sixteen_letters_", 100);
  const Handle block = region->Lend(tensor, offset);
  BOOST_REQUIRE(block != kNoHandle);
  BOOST_TEST(parent.At<char>(block) == parent.At<char>(tensor) + offset);
  BOOST_TEST(parent.CountOf(block) == 1u);
  BOOST_TEST(parent.CountOf(tensor) == 2u);
  // The parent loads it, and drops its own tensor before it drops what it has loaded.
  parent.Load(block);
  region->TakeBackLater(block, tensor);
  region->FlushReleases();
  parent.Drop(tensor);
  BOOST_TEST(parent.CountOf(tensor) == 1u);
  region->FlushReleases();
  BOOST_TEST(parent.CountOf(tensor) == 1u);
  parent.Drop(block);
  BOOST_TEST(parent.FreeBytes() < before);
  region->FlushReleases();
  BOOST_TEST(parent.FreeBytes() == before);
}

BOOST_AUTO_TEST_CASE(a_block_that_cannot_be_lent_stays_as_it_is) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  for (const char *name : {"", "short", "not_8_bytes"}) {
    const auto [tensor, offset] = MakeTensor(parent, name, 10);
    BOOST_TEST(region->Lend(tensor, offset) == kNoHandle, name);
    BOOST_TEST(parent.CountOf(tensor) == 1u);
    BOOST_TEST(std::string(parent.At<char>(tensor) + offset - std::string(name).size(), std::string(name).size()) ==
               name);
  }
  const auto [tensor, offset] = MakeTensor(parent, "sixteen_letters_", 10);
  parent.At<TensorShm>(tensor)->dims_count = std::uint64_t{1} << 60;
  BOOST_TEST(region->Lend(tensor, offset) == kNoHandle);
}

BOOST_AUTO_TEST_CASE(lent_memory_of_a_dead_process_is_freed_when_nobody_reads_it) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  const std::uint64_t before = parent.FreeBytes();
  const auto [tensor, offset] = MakeTensor(parent, "sixteen_letters_", 100);
  region->MarkReferences(9);
  const Handle block = region->Lend(tensor, offset);
  {
    Region::Lock lock(*region);
    lock.AddReference(block); // of a response
  }
  region->MarkReferences(0);
  parent.Load(block);
  parent.Drop(tensor);
  std::thread reader([&parent, block = block] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    std::memset(parent.At<char>(block), 1, 100); // still there
    parent.Drop(block);
  });
  BOOST_TEST(region->DropMarked(9) == 1u);
  reader.join();
  BOOST_TEST(parent.FreeBytes() == before);
}

BOOST_AUTO_TEST_CASE(what_a_dead_process_held_is_found_after_growth) {
  ParentSide parent;
  const auto region = Region::Open(parent.name(), ParentSide::kStep, parent.control());
  region->MarkReferences(5);
  {
    Region::Lock lock(*region);
    lock.Allocate(5 << 20);
    lock.Allocate(10);
  }
  BOOST_TEST(region->DropMarked(5) == 2u);
}
