// Tensors in GPU memory (spec sections 3.5, 5.8 and 5.16), with a fake driver: the test is the parent.
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <dlfcn.h>
#include <thread>

#include "stub/error.h"
#include "stub/gpu/buffers.h"
#include "stub/ipc/call.h"
#include "stub/ipc/cuda_pool.h"
#include "stub/ipc/response_send.h"
#include "stub/shm/sync.h"
#include "tests/stub/gpu_memory.h"
#include "tests/stub/parent_side.h"

using namespace mlflow_triton::stub;

namespace {

constexpr char kNoDriver[] = "libthere_is_no_such_driver.so";

std::string DriverPath() {
  const char *path = std::getenv("MLFLOW_TRITON_STUB_CUDA_LIBRARY");
  BOOST_REQUIRE_MESSAGE(path != nullptr, "the environment must name the fake driver");
  return path;
}

/// A function of the fake driver that is only for tests.
template <typename Function> Function OfDriver(const char *name) {
  void *library = dlopen(DriverPath().c_str(), RTLD_NOW);
  BOOST_REQUIRE(library != nullptr);
  return reinterpret_cast<Function>(dlsym(library, name));
}

int OpenHandles() { return OfDriver<int (*)()>("FakeCudaOpenHandles")(); }
void FailCopies(int count) { OfDriver<void (*)(int)>("FakeCudaFailCopies")(count); }

std::string ErrorOf(const std::function<void()> &action) {
  try {
    action();
  } catch (const StubError &error) {
    return error.what();
  }
  return "no error";
}

bool Contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

const MemoryLayout &LayoutOf(Revision revision) { return ProtocolOf(revision).memory; }

struct Fixture {
  ParentSide parent{1 << 20, 8};
  std::unique_ptr<Link> link = MakeLink();
  Cuda cuda{DriverPath()};
  CudaPools pools{cuda};
  const MemoryLayout &layout = LayoutOf(Revision::kR8);
  DeviceMemory source{64};

  Fixture() { std::memcpy(source.data, "0123456789abcdef", 16); }

  std::unique_ptr<Link> MakeLink() {
    LaunchArguments arguments;
    arguments.region_name = parent.name();
    arguments.growth_step = ParentSide::kStep;
    arguments.control = parent.control();
    auto made = std::make_unique<Link>(arguments);
    made->set_protocol(ProtocolOf(Revision::kR8));
    return made;
  }

  /// A buffer as the parent describes it.
  Handle Put(Block block) {
    const Handle handle = parent.Allocate(block.size());
    std::memcpy(parent.At<char>(handle), block.at(), block.size());
    return handle;
  }
  Handle PutCpu(std::uint64_t bytes) { return Put(Block(layout, 0, bytes).OnCpu()); }
  Handle PutBuffers(const std::vector<Handle> &buffers) {
    const Handle list = parent.Allocate(buffers.size() * sizeof(Handle));
    std::memcpy(parent.At<char>(list), buffers.data(), buffers.size() * sizeof(Handle));
    const Handle handle = parent.Allocate(sizeof(GpuBuffersShm));
    *parent.At<GpuBuffersShm>(handle) = GpuBuffersShm{1, {}, 0, list, static_cast<std::uint32_t>(buffers.size()), 0};
    return handle;
  }
  DeviceSpan Span(std::size_t offset, std::size_t bytes, std::int64_t device = 0) const {
    return DeviceSpan{source.data + offset, bytes, device};
  }
  std::string Fill(Handle buffers, const std::vector<DeviceSpan> &sources) {
    return ErrorOf([&] { FillGpuBuffers(link->region(), layout, buffers, sources, pools); });
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(without_a_driver_every_use_says_so) {
  Cuda cuda(kNoDriver);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const std::string error = ErrorOf([&] { cuda.OpenIpc({}, 0); });
    BOOST_TEST(Contains(error, "The CUDA driver cannot be loaded: "), error);
    BOOST_TEST(Contains(error, kNoDriver), error);
  }
}

BOOST_AUTO_TEST_CASE(a_library_that_is_no_driver_is_named) {
  Cuda cuda("libc.so.6");
  BOOST_TEST(ErrorOf([&] { cuda.ImportStream(0); }) == "The CUDA driver libc.so.6 has no function cuInit.");
}

BOOST_FIXTURE_TEST_CASE(a_device_that_is_not_there, Fixture) {
  BOOST_TEST(ErrorOf([&] { cuda.OpenIpc(source.handle(), 7); }) ==
             "CUDA device 7 cannot be used: invalid device ordinal");
}

BOOST_FIXTURE_TEST_CASE(a_handle_that_names_nothing, Fixture) {
  BOOST_TEST(ErrorOf([&] { cuda.OpenIpc(IpcHandle{{'/', 'x'}}, 0); }) ==
             "CUDA call cuIpcOpenMemHandle failed: invalid resource handle");
}

BOOST_FIXTURE_TEST_CASE(the_thread_keeps_its_own_device, Fixture) {
  const auto current = OfDriver<int (*)(void **)>("cuCtxGetCurrent");
  const auto set_current = OfDriver<int (*)(void *)>("cuCtxSetCurrent");
  char model = 0;
  set_current(&model);
  cuda.CloseIpc(cuda.OpenIpc(source.handle(), 1), 1);
  void *after = nullptr;
  current(&after);
  BOOST_TEST(after == &model);
  set_current(nullptr);
}

BOOST_FIXTURE_TEST_CASE(an_input_by_handle_is_open_as_long_as_it_lives, Fixture) {
  const int before = OpenHandles();
  for (const Revision revision : {Revision::kR1, Revision::kR2, Revision::kR11}) {
    Block block(LayoutOf(revision), 1, 6);
    auto memory = GpuMemory::Open(block.layout, block.InHandle(source, 10).at(), pools);
    BOOST_TEST(std::string(memory->data(), 6) == "abcdef");
    BOOST_TEST(memory->device() == 1);
    BOOST_TEST(memory->byte_size() == 6U);
    BOOST_TEST(OpenHandles() == before + 1);
    memory.reset();
    BOOST_TEST(OpenHandles() == before);
  }
}

BOOST_FIXTURE_TEST_CASE(an_input_of_a_pool, Fixture) {
  const int before = OpenHandles();
  Block block(layout, 0, 4);
  block.InPool(4);
  BOOST_TEST(Contains(ErrorOf([&] { GpuMemory::Open(layout, block.at(), pools); }), "has not shared"));
  pools.Open(0, source.handle());
  auto memory = GpuMemory::Open(layout, block.at(), pools);
  BOOST_TEST(std::string(memory->data(), 4) == "4567");
  memory.reset();
  BOOST_TEST(OpenHandles() == before + 1); // the pool itself
  cuda.CloseIpc(pools.BaseOf(0), 0);
}

BOOST_FIXTURE_TEST_CASE(no_bytes_need_no_driver, Fixture) {
  Cuda none(kNoDriver);
  CudaPools no_pools(none);
  Block block(layout, 0, 0);
  BOOST_TEST(GpuMemory::Open(layout, block.at(), no_pools)->data() == nullptr);
  BOOST_TEST(GpuMemory::Open(layout, block.InPool(8).at(), no_pools)->data() == nullptr);
}

BOOST_FIXTURE_TEST_CASE(outputs_go_to_the_buffers_in_order, Fixture) {
  const int before = OpenHandles();
  DeviceMemory target(64), pool(64);
  pools.Open(1, pool.handle());
  const Handle on_cpu = PutCpu(2);
  const Handle buffers = PutBuffers(
      {Put(Block(layout, 0, 4).InHandle(target, 32)), on_cpu, Put(Block(layout, 1, 3).InPool(8)), PutCpu(0)});
  BOOST_TEST(Fill(buffers, {Span(0, 4), Span(4, 2), Span(6, 3, 1), Span(0, 0)}) == "no error");
  BOOST_TEST(std::string(target.data + 32, 4) == "0123");
  BOOST_TEST(std::string(parent.At<char>(on_cpu) + layout.size, 2) == "45");
  BOOST_TEST(std::string(pool.data + 8, 3) == "678");
  BOOST_TEST(OpenHandles() == before + 1);
  cuda.CloseIpc(pools.BaseOf(1), 1);
}

BOOST_FIXTURE_TEST_CASE(buffers_that_do_not_fit_are_refused, Fixture) {
  BOOST_TEST(Fill(PutBuffers({PutCpu(4)}), {}) ==
             "Failed to load GPU buffers: the server has 1 buffers for 0 tensors in GPU memory.");
  BOOST_TEST(Fill(PutBuffers({PutCpu(4)}), {Span(0, 5)}) ==
             "Failed to copy a tensor in GPU memory: the buffer of the server has 4 bytes, the tensor 5");
  const Handle failed = PutBuffers({});
  parent.At<GpuBuffersShm>(failed)->success = 0;
  parent.At<GpuBuffersShm>(failed)->error = parent.AllocateText("out of memory");
  BOOST_TEST(Fill(failed, {Span(0, 5)}) == "Failed to load GPU buffers: out of memory");
}

BOOST_FIXTURE_TEST_CASE(a_copy_that_fails_leaves_nothing_open, Fixture) {
  const int before = OpenHandles();
  DeviceMemory target(64);
  const auto to = [&](std::uint64_t offset) { return Put(Block(layout, 0, 4).InHandle(target, offset)); };
  FailCopies(1);
  BOOST_TEST(Fill(PutBuffers({to(0), to(4)}), {Span(0, 4), Span(4, 4)}) ==
             "Failed to copy a tensor in GPU memory: CUDA call cuMemcpyAsync failed: an illegal memory access was "
             "encountered");
  BOOST_TEST(OpenHandles() == before);
}

namespace {

/// What lies on the parent-to-stub queue for a pool, and what the parent reads afterwards.
struct PoolMessage {
  PoolMessage(Fixture &fixture, const IpcHandle &handle) : chunks(fixture.link->region()) {
    payload = fixture.parent.Allocate(sizeof(CudaPoolShm));
    auto *fields = fixture.parent.At<CudaPoolShm>(payload);
    std::memset(static_cast<void *>(fields), 0, sizeof(CudaPoolShm));
    std::memcpy(fields->cuda_handle, handle.data(), handle.size());
    Region &region = fixture.link->region();
    Region::Lock lock(region);
    message = *region.As<IpcMessage>(
        AllocateInlineMessage(*fixture.link, chunks, lock, Command::kCudaPoolInitializeRequest, payload));
  }

  ChunkSet chunks;
  Handle payload = kNoHandle;
  IpcMessage message{};
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_pool_is_taken_and_later_workers_know_it, Fixture) {
  PoolMessage pool(*this, source.handle());
  AnswerCudaPool(*link, pool.message, pools);
  const auto *fields = parent.At<CudaPoolShm>(pool.payload);
  BOOST_TEST(parent.At<LockedHead>(pool.payload)->flag == 1);
  BOOST_TEST(fields->has_error == 0);
  BOOST_TEST(parent.CountOf(pool.payload) == 2U); // the parent drops its own and writes to it then
  BOOST_TEST(std::string(pools.BaseOf(0), 4) == "0123");
  cuda.CloseIpc(pools.BaseOf(0), 0);

  link->set_journal(Journal::Create());
  CudaPools of_next(cuda);
  OfferNotedPools(*link, of_next);
  BOOST_TEST(std::string(of_next.BaseOf(0), 4) == "0123");
  cuda.CloseIpc(of_next.BaseOf(0), 0);
}

BOOST_FIXTURE_TEST_CASE(a_pool_that_cannot_be_opened_is_declined, Fixture) {
  PoolMessage pool(*this, IpcHandle{{'/', 'x'}});
  AnswerCudaPool(*link, pool.message, pools);
  const auto *fields = parent.At<CudaPoolShm>(pool.payload);
  BOOST_TEST(parent.At<LockedHead>(pool.payload)->flag == 1);
  BOOST_TEST(fields->has_error == 1);
  BOOST_REQUIRE(fields->is_error_set == 1);
  BOOST_TEST(Contains(ReadText(link->region(), fields->error), "invalid resource handle"));
}

namespace {

/// A response whose one output is in GPU memory.
class OneOutput : public ResponseWriter {
public:
  explicit OneOutput(DeviceSpan span) : span_(span) {}
  Handle Allocate(Region::Lock &lock, ChunkSet &chunks, const Protocol &protocol) override {
    return chunks.Allocate(lock, static_cast<std::size_t>(protocol.response.size));
  }
  void Write(Link &) const override {}
  std::vector<DeviceSpan> GpuSources() const override { return {span_}; }

private:
  DeviceSpan span_;
};

/// The parent's part of one ResponseSend (spec sections 5.7 and 5.8).
void ServeSend(Fixture &fixture, Handle buffers, const std::function<void()> &once_filled) {
  const Handle message = fixture.link->to_parent_service().Pop();
  auto *payload = fixture.parent.At<ResponseSendShm>(fixture.parent.At<IpcMessage>(message)->args);
  for (int turn = buffers == kNoHandle ? 1 : 0; turn < 2; ++turn) {
    SharedLock lock(&payload->mutex);
    payload->gpu_buffers_handle = buffers;
    payload->is_stub_turn = 1;
    pthread_cond_broadcast(&payload->condition);
    lock.Wait(&payload->condition, [payload] { return payload->is_stub_turn == 0; });
    if (turn == 0) {
      once_filled();
    }
  }
}

std::string SendAs(Fixture &fixture, Handle buffers, const std::function<void()> &once_filled) {
  std::thread server([&] { ServeSend(fixture, buffers, once_filled); });
  OneOutput response(fixture.Span(0, 4));
  const std::string error =
      ErrorOf([&] { SendResponse(*fixture.link, {1, 2}, &response, kResponseCompleteFinal, [] {}, nullptr); });
  server.join();
  return error;
}

} // namespace

BOOST_FIXTURE_TEST_CASE(a_sent_response_is_filled_before_the_parent_goes_on, Fixture) {
  DeviceMemory target(64);
  std::string seen;
  const Handle buffers = PutBuffers({Put(Block(layout, 0, 4).InHandle(target, 0))});
  BOOST_TEST(SendAs(*this, buffers, [&] { seen.assign(target.data, 4); }) == "no error");
  BOOST_TEST(seen == "0123");
}

BOOST_FIXTURE_TEST_CASE(a_failed_copy_ends_the_send_with_an_error, Fixture) {
  FailCopies(1);
  const std::string error = SendAs(*this, PutBuffers({PutCpu(4)}), [] {});
  BOOST_TEST(Contains(error, "an illegal memory access was encountered"), error);
}

BOOST_FIXTURE_TEST_CASE(a_send_without_buffers_has_one_turn, Fixture) {
  BOOST_TEST(SendAs(*this, kNoHandle, [] {}) == "no error");
}
