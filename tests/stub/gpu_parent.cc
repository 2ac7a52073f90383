// A parent with a device (spec sections 5.5, 5.7, 5.8, 5.9): starts the stub with a model and the fake driver. Run by
// tests/conformance/gpu_test.py, which has an environment with NumPy.
//
// Environment: MLFLOW_TRITON_STUB_PARENT_RELEASE, the release that the parent is like, from 24.04 on; STUB, the stub;
// MODEL, the path of tests/conformance/models/device/model.py beside what it imports; PYTHON_LIB, the folder of
// triton_python_backend_utils.py.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <sys/wait.h>
#include <thread>

#include "stub/ipc/call.h"
#include "stub/shm/sync.h"
#include "tests/stub/gpu_memory.h"
#include "tests/stub/parent_side.h"

using namespace mlflow_triton::stub;

namespace {

constexpr std::int32_t kFp32 = 11;
constexpr std::uint64_t kReleaseId = 4711;
constexpr std::size_t kFloats = 3;
constexpr std::size_t kBytes = kFloats * sizeof(float);

using Floats = std::vector<float>;

Floats FloatsAt(const char *data, std::size_t count = kFloats) {
  Floats values(count);
  std::memcpy(values.data(), data, count * sizeof(float));
  return values;
}

/// A tensor of the stub.
struct Seen {
  std::string name;
  std::int32_t memory_type = 0;
  std::uint64_t byte_size = 0;
  Floats values; // on the CPU
};

class Parent {
public:
  Parent() {
    LaunchArguments arguments;
    arguments.region_name = side_.name();
    arguments.growth_step = ParentSide::kStep;
    arguments.control = side_.control();
    link_ = std::make_unique<Link>(arguments);
    link_->set_protocol(ProtocolOf(RevisionOfRelease(std::getenv("MLFLOW_TRITON_STUB_PARENT_RELEASE")).value()));
    std::memcpy(input_.data + kBytes, Floats{1, 2, 3}.data(), kBytes);
    Start();
  }

  /// Asks the model to end and the stub with it.
  ~Parent() {
    link_->from_parent().Push(Message(Command::kFinalizeRequest, kNoHandle));
    link_->to_parent().Pop();
    int status = -1;
    waitpid(stub_, &status, 0);
    BOOST_TEST(status == 0);
    link_->to_parent_service().Push(kNoHandle);
    service_.join();
  }

  /// One request, whose input is [1, 2, 3] on the device; the answer's message.
  Handle Execute(const std::string &parameters, const std::vector<std::string> &outputs, bool in_pool) {
    Block block(layout(), 0, kBytes);
    const Handle memory = Put(in_pool ? block.InPool(kBytes) : block.InHandle(input_, kBytes));
    const Handle batch = Batch(Tensor("IN", memory), parameters, outputs);
    link_->from_parent().Push(Message(Command::kExecuteRequest, batch));
    while (true) { // until R7 other messages of the stub come the same way
      const Handle message = link_->to_parent().Pop();
      if (CommandOf(message) == Command::kExecuteResponse) {
        return message;
      }
      ServeOne(message);
    }
  }

  /// Tells the stub that an answer has been read.
  void Release() { link_->from_parent().Push(kNoHandle); }

  /// True when an answer is an error.
  bool IsError(Handle answer) { return LoadAt<std::uint8_t>(BatchOf(answer) + link_->protocol().batch.has_error) != 0; }

  /// The ResponseBatch of an answer.
  const char *BatchOf(Handle answer) {
    return link_->protocol().combined_execute_response ? side_.At<char>(answer) + sizeof(IpcMessage)
                                                       : side_.At<char>(side_.At<IpcMessage>(answer)->args);
  }

  /// The outputs of the one response of an answer (spec section 5.5).
  std::vector<Seen> OutputsOf(Handle answer) {
    const BatchLayout &batch = link_->protocol().batch;
    const char *at = BatchOf(answer);
    if (IsError(answer)) {
      BOOST_FAIL(ReadText(link_->region(), LoadAt<Handle>(at + batch.error)));
    }
    BOOST_REQUIRE(LoadAt<std::uint32_t>(at + batch.batch_size) == 1U);
    return Outputs(LoadAt<Handle>(at + batch.size));
  }

  /// The outputs of a ResponseShm.
  std::vector<Seen> Outputs(Handle response) {
    const ResponseLayout &fields = link_->protocol().response;
    const char *at = side_.At<char>(response);
    BOOST_REQUIRE(LoadAt<std::uint8_t>(at + fields.has_error) == 0);
    std::vector<Seen> outputs;
    for (std::uint32_t index = 0; index < LoadAt<std::uint32_t>(at + fields.outputs_size); ++index) {
      outputs.push_back(Read(LoadAt<Handle>(at + fields.size + index * sizeof(Handle))));
    }
    return outputs;
  }

  /// Has the outputs that are on the device copied, as after a returned answer.
  void LoadBuffers(const std::vector<Handle> &buffers) {
    link_->from_parent().Push(Message(Command::kLoadGpuBuffers, Buffers(buffers)));
    BOOST_TEST(link_->to_parent().Pop() == kNoHandle);
  }

  void SharePool() {
    const Handle payload = side_.Allocate(sizeof(CudaPoolShm));
    auto *fields = side_.At<CudaPoolShm>(payload);
    std::memset(static_cast<void *>(fields), 0, sizeof(CudaPoolShm));
    const IpcHandle handle = input_.handle();
    std::memcpy(fields->cuda_handle, handle.data(), handle.size());
    Handle message = kNoHandle;
    ChunkSet chunks(link_->region());
    {
      Region::Lock lock(link_->region());
      message = AllocateInlineMessage(*link_, chunks, lock, Command::kCudaPoolInitializeRequest, payload);
    }
    const IpcMessage shared = *side_.At<IpcMessage>(message);
    auto *head = side_.At<LockedHead>(payload);
    SharedLock lock(side_.At<pthread_mutex_t>(shared.response_mutex));
    link_->from_parent_service().Push(message);
    lock.Wait(side_.At<pthread_cond_t>(shared.response_cond), [head] { return head->flag != 0; });
    BOOST_TEST(fields->has_error == 0);
    head->flag = 0;
  }

  Handle DeviceBuffer(std::uint64_t offset) { return Put(Block(layout(), 0, kBytes).InHandle(target_, offset)); }
  Handle CpuBuffer() { return Put(Block(layout(), 0, kBytes).OnCpu()); }
  Floats DeviceValues(std::uint64_t offset) { return FloatsAt(target_.data + offset); }
  Floats CpuValues(Handle buffer) { return FloatsAt(side_.At<char>(buffer) + layout().size); }

  Link &link() { return *link_; }
  Floats sent, asked; ///< data of ResponseSend and of a request of the model, when their buffers were filled

private:
  const MemoryLayout &layout() const { return link_->protocol().memory; }

  void Start() {
    const char *model = std::getenv("MODEL");
    const std::vector<std::string> words = {std::getenv("STUB"),
                                            model,
                                            side_.name(),
                                            "1048576",
                                            "1048576",
                                            std::to_string(getpid()),
                                            std::getenv("PYTHON_LIB"),
                                            std::to_string(side_.control()),
                                            "device_0_0",
                                            "DEFAULT"};
    stub_ = fork();
    if (stub_ == 0) {
      std::vector<char *> argv;
      std::transform(words.begin(), words.end(), std::back_inserter(argv),
                     [](const std::string &word) { return const_cast<char *>(word.c_str()); });
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    service_ = std::thread([this] { Serve(); });
    link_->to_parent().Pop(); // hello
    const std::vector<std::pair<std::string, std::string>> args = {{"model_config", "{\"name\": \"device\"}"},
                                                                   {"model_instance_kind", "GPU"},
                                                                   {"model_instance_name", "device_0_0"},
                                                                   {"model_instance_device_id", "0"},
                                                                   {"model_repository", "/"},
                                                                   {"model_version", "1"},
                                                                   {"model_name", "device"}};
    const Handle pairs = side_.Allocate(args.size() * sizeof(PairShm));
    for (std::size_t index = 0; index < args.size(); ++index) {
      side_.At<PairShm>(pairs)[index] = {side_.AllocateText(args[index].first), side_.AllocateText(args[index].second)};
    }
    const Handle dictionary = side_.Allocate(sizeof(DictShm));
    *side_.At<DictShm>(dictionary) = {static_cast<std::uint32_t>(args.size()), 0, pairs};
    link_->from_parent().Push(Message(Command::kInitializeRequest, dictionary));
    const auto *reply = side_.At<InitializeResponseShm>(side_.At<IpcMessage>(link_->to_parent().Pop())->args);
    if (reply->has_error != 0) {
      std::fprintf(stderr, "%s\n", ReadText(link_->region(), reply->error).c_str());
      abort();
    }
    Release();
  }

  Handle Message(Command command, Handle args) {
    const Handle message = side_.Allocate(sizeof(IpcMessage));
    *side_.At<IpcMessage>(message) = IpcMessage{link_->protocol().Number(command), 0, args, 0, {}, 0, 0, 0};
    return message;
  }

  Handle Put(Block block) {
    const Handle handle = side_.Allocate(block.size());
    std::memcpy(side_.At<char>(handle), block.at(), block.size());
    return handle;
  }

  Handle Buffers(const std::vector<Handle> &buffers) {
    const Handle list = side_.Allocate(buffers.size() * sizeof(Handle));
    std::memcpy(side_.At<char>(list), buffers.data(), buffers.size() * sizeof(Handle));
    const Handle handle = side_.Allocate(sizeof(GpuBuffersShm));
    *side_.At<GpuBuffersShm>(handle) = {1, {}, 0, list, static_cast<std::uint32_t>(buffers.size()), 0};
    return handle;
  }

  Handle Tensor(const std::string &name, Handle memory) {
    const std::size_t fixed = sizeof(TensorShm) + sizeof(std::int64_t);
    const Handle tensor = side_.Allocate(fixed + sizeof(TextShm) + name.size());
    char *at = side_.At<char>(tensor);
    StoreAt(at, TensorShm{memory, kFp32, 0, 1});
    StoreAt<std::int64_t>(at + sizeof(TensorShm), kFloats);
    StoreAt(at + fixed, TextShm{kNoHandle, name.size()});
    std::memcpy(at + fixed + sizeof(TextShm), name.data(), name.size());
    return tensor;
  }

  Handle Batch(Handle input, const std::string &parameters, const std::vector<std::string> &outputs) {
    const RequestLayout &layout = link_->protocol().request;
    std::vector<Handle> handles;
    for (const std::string &output : outputs) {
      handles.push_back(side_.AllocateText(output));
    }
    handles.push_back(input);
    const Handle id = side_.Allocate(sizeof(CorrelationIdShm)), trace = side_.Allocate(sizeof(TraceShm));
    *side_.At<CorrelationIdShm>(id) = {side_.AllocateText(""), 0, 0, 0};
    *side_.At<TraceShm>(trace) = {side_.AllocateText(""), 0};
    const Handle request = side_.Allocate(static_cast<std::size_t>(layout.size) + handles.size() * sizeof(Handle));
    char *at = side_.At<char>(request);
    std::memset(at, 0, static_cast<std::size_t>(layout.size));
    StoreAt<std::uint32_t>(at + layout.input_count, 1);
    StoreAt<std::uint32_t>(at + layout.requested_output_count, static_cast<std::uint32_t>(outputs.size()));
    StoreAt<std::uint64_t>(at + layout.address, 1);
    StoreAt<std::uint64_t>(at + layout.response_factory_address, 2);
    StoreAt(at + layout.trace_handle, trace);
    StoreAt(at + layout.correlation_id_handle, id);
    StoreAt(at + layout.model_name_handle, side_.AllocateText("device"));
    StoreAt(at + layout.request_id_handle, side_.AllocateText(""));
    StoreAt(at + layout.parameters_handle, side_.AllocateText(parameters));
    std::memcpy(at + layout.size, handles.data(), handles.size() * sizeof(Handle));
    const Handle batch = side_.Allocate(sizeof(RequestBatchShm) + sizeof(Handle));
    *side_.At<RequestBatchShm>(batch) = {1, 0, kNoHandle};
    StoreAt(side_.At<char>(batch) + sizeof(RequestBatchShm), request);
    return batch;
  }

  Seen Read(Handle tensor) {
    const auto head = *side_.At<TensorShm>(tensor);
    const char *at = side_.At<char>(tensor) + sizeof(TensorShm) + head.dims_count * sizeof(std::int64_t);
    Seen seen;
    seen.name.assign(at + sizeof(TextShm), LoadAt<TextShm>(at).length);
    const char *block =
        head.memory != kNoHandle ? side_.At<char>(head.memory) : at + sizeof(TextShm) + seen.name.size();
    seen.memory_type = LoadAt<std::int32_t>(block + layout().memory_type);
    seen.byte_size = LoadAt<std::uint64_t>(block + layout().byte_size);
    if (seen.memory_type == kMemoryCpu && head.dtype == kFp32) {
      seen.values = FloatsAt(block + layout().size, seen.byte_size / sizeof(float));
    }
    return seen;
  }

  std::optional<Command> CommandOf(Handle message) {
    return link_->protocol().CommandOf(side_.At<IpcMessage>(message)->command);
  }

  /// The stub-to-parent queue.
  void Serve() {
    while (const Handle handle = link_->to_parent_service().Pop()) {
      ServeOne(handle);
    }
  }

  void ServeOne(Handle handle) {
    const IpcMessage message = *side_.At<IpcMessage>(handle);
    ChunkSet loaded(link_->region()); // the stub frees its own when it has acknowledged, or died
    {
      Region::Lock lock(link_->region());
      loaded.Load(lock, handle);
      loaded.Load(lock, message.args);
      if (message.inline_response != 0) {
        loaded.Load(lock, message.response_mutex);
        loaded.Load(lock, message.response_cond);
      }
    }
    if (CommandOf(handle) == Command::kInferExecRequest) {
      Infer(handle);
    } else if (CommandOf(handle) == Command::kResponseSend) {
      Send(message.args);
    } else if (message.inline_response != 0) {
      SharedLock lock(side_.At<pthread_mutex_t>(message.response_mutex));
      side_.At<LockedHead>(message.args)->flag = 1;
      pthread_cond_broadcast(side_.At<pthread_cond_t>(message.response_cond));
    } else {
      Turn(*side_.At<LockedHead>(message.args));
    }
  }

  /// Gives the word to the stub and waits until it comes back.
  static void Turn(LockedHead &head) {
    SharedLock lock(&head.mutex);
    head.flag = 1;
    pthread_cond_broadcast(&head.condition);
    lock.Wait(&head.condition, [&head] { return head.flag == 0; });
  }

  void Send(Handle payload) {
    auto *fields = side_.At<ResponseSendShm>(payload);
    const std::vector<Seen> outputs = Outputs(fields->response);
    std::vector<Handle> buffers;
    for (const Seen &output : outputs) {
      if (output.memory_type == kMemoryGpu) {
        buffers.push_back(CpuBuffer());
      }
    }
    fields->gpu_buffers_handle = buffers.empty() ? kNoHandle : Buffers(buffers);
    if (!buffers.empty()) {
      Turn(*side_.At<LockedHead>(payload));
      sent = CpuValues(buffers.back());
    }
    Turn(*side_.At<LockedHead>(payload));
  }

  /// Another model that returns its input, on the device, as A.
  void Infer(Handle handle) {
    auto *message = side_.At<IpcMessage>(handle);
    auto *condition = side_.At<pthread_cond_t>(message->response_cond);
    SharedLock lock(side_.At<pthread_mutex_t>(message->response_mutex));
    const auto wake = [&] {
      pthread_cond_broadcast(condition);
      lock.WaitOnce(condition);
    };
    auto *batch = side_.At<RequestBatchShm>(message->args);
    batch->gpu_buffers_handle = Buffers({DeviceBuffer(0)});
    wake();
    asked = DeviceValues(0);
    const BatchLayout &layout = link_->protocol().batch;
    const ResponseLayout &fields = link_->protocol().response;
    const Handle response = side_.Allocate(static_cast<std::size_t>(fields.size) + sizeof(Handle));
    std::memset(side_.At<char>(response), 0, static_cast<std::size_t>(fields.size));
    StoreAt<std::uint32_t>(side_.At<char>(response) + fields.outputs_size, 1);
    if (fields.parameters != kAbsent) {
      StoreAt(side_.At<char>(response) + fields.parameters, side_.AllocateText("{}"));
    }
    const Handle memory = Put(Block(this->layout(), 0, kBytes).InHandle(target_, 0).ReleasedBy(kReleaseId));
    StoreAt(side_.At<char>(response) + fields.size, Tensor("A", memory));
    const Handle responses = side_.Allocate(static_cast<std::size_t>(layout.size) + sizeof(Handle));
    std::memset(side_.At<char>(responses), 0, static_cast<std::size_t>(layout.size));
    StoreAt<std::uint32_t>(side_.At<char>(responses) + layout.batch_size, 1);
    StoreAt(side_.At<char>(responses) + layout.size, response);
    message->response_handle = Message(Command::kInferExecResponse, responses);
    wake();
  }

  ParentSide side_{1 << 24, 64}; // large enough for ever: it does not follow growth by the stub
  std::unique_ptr<Link> link_;
  DeviceMemory input_{64}, target_{64};
  pid_t stub_ = -1;
  std::thread service_;
};

struct Fixture {
  Parent parent;

  void CheckReturned(Handle answer) {
    const std::vector<Seen> outputs = parent.OutputsOf(answer);
    BOOST_REQUIRE(outputs.size() == 3U);
    for (const std::size_t index : {0, 1}) {
      BOOST_TEST(outputs[index].memory_type == kMemoryGpu);
      BOOST_TEST(outputs[index].byte_size == kBytes);
    }
    BOOST_TEST(outputs[2].values == (Floats{1, 2, 3}));
    parent.Release();
  }
};

const std::vector<std::string> kOutputs = {"A", "B", "C"};

/// A stub whose worker dies when it copies.
struct DyingFixture {
  struct Variable {
    Variable() { setenv("FAKE_CUDA_DIES", "1", 1); }
    ~Variable() { unsetenv("FAKE_CUDA_DIES"); }
  } variable;
  Parent parent;

  /// The next worker has the whole answer to give.
  void CheckAlive() {
    const Handle answer = parent.Execute("{\"mode\": \"return\"}", {"C"}, false);
    BOOST_TEST(!parent.IsError(answer));
    if (!parent.link().protocol().returned_responses_are_sent) {
      BOOST_TEST(parent.OutputsOf(answer).at(0).values == (Floats{1, 2, 3}));
    }
    parent.Release();
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(returned_outputs_are_copied_after_the_answer, Fixture) {
  for (int time = 0; time < 3; ++time) {
    CheckReturned(parent.Execute("{\"mode\": \"return\"}", kOutputs, false));
    const Handle on_cpu = parent.CpuBuffer();
    parent.LoadBuffers({parent.DeviceBuffer(16), on_cpu});
    BOOST_TEST(parent.DeviceValues(16) == (Floats{2, 3, 4}));
    BOOST_TEST(parent.CpuValues(on_cpu) == (Floats{2, 4, 6}));
  }
}

BOOST_FIXTURE_TEST_CASE(buffers_that_do_not_fit_hurt_one_request_only, Fixture) {
  CheckReturned(parent.Execute("{\"mode\": \"return\"}", kOutputs, false));
  parent.LoadBuffers({parent.CpuBuffer()});
  CheckReturned(parent.Execute("{\"mode\": \"return\"}", kOutputs, false)); // and no buffers at all
  CheckReturned(parent.Execute("{\"mode\": \"return\"}", kOutputs, false));
  const Handle on_cpu = parent.CpuBuffer();
  parent.LoadBuffers({parent.DeviceBuffer(16), on_cpu});
  BOOST_TEST(parent.CpuValues(on_cpu) == (Floats{2, 4, 6}));
}

BOOST_FIXTURE_TEST_CASE(an_input_of_the_shared_pool, Fixture) {
  parent.SharePool();
  CheckReturned(parent.Execute("{\"mode\": \"return\"}", kOutputs, true));
  parent.LoadBuffers({parent.CpuBuffer(), parent.CpuBuffer()});
}

BOOST_FIXTURE_TEST_CASE(sent_outputs_are_copied_before_the_send_ends, Fixture) {
  const Handle answer = parent.Execute("{\"mode\": \"send\"}", kOutputs, false);
  BOOST_TEST(parent.sent == (Floats{2, 4, 6}));
  BOOST_TEST(!parent.IsError(answer));
  parent.Release();
}

BOOST_FIXTURE_TEST_CASE(another_model_gets_and_gives_device_memory, Fixture) {
  const Handle answer =
      parent.Execute("{\"mode\": \"ask\", \"target\": \"other\", \"values\": \"[7, 8, 9]\"}", {"A", "RESULT"}, false);
  BOOST_TEST(parent.asked == (Floats{7, 8, 9}));
  const std::vector<Seen> outputs = parent.OutputsOf(answer);
  BOOST_REQUIRE(outputs.size() == 2U);
  BOOST_TEST(outputs[1].name == "A");
  BOOST_TEST(outputs[1].memory_type == kMemoryGpu);
  parent.Release();
  const Handle on_cpu = parent.CpuBuffer();
  parent.LoadBuffers({on_cpu});
  BOOST_TEST(parent.CpuValues(on_cpu) == (Floats{7, 8, 9}));
  // The answer's tensor was kept for the copy, and is dropped after it.
  BOOST_TEST(parent.link().memory_manager().PopFor(5000).value_or(kNoHandle) == static_cast<Handle>(kReleaseId));
}

BOOST_FIXTURE_TEST_CASE(a_death_while_buffers_are_filled_leaves_the_parent_free, DyingFixture) {
  parent.OutputsOf(parent.Execute("{\"mode\": \"return\"}", {"A"}, false));
  parent.Release();
  parent.LoadBuffers({parent.CpuBuffer()});
  CheckAlive();
}

BOOST_FIXTURE_TEST_CASE(a_death_while_a_response_is_sent_leaves_the_parent_free, DyingFixture) {
  BOOST_TEST(parent.IsError(parent.Execute("{\"mode\": \"send\"}", kOutputs, false)));
  parent.Release();
  CheckAlive();
}

BOOST_FIXTURE_TEST_CASE(a_death_while_another_model_is_asked_leaves_the_parent_free, DyingFixture) {
  BOOST_TEST(parent.IsError(
      parent.Execute("{\"mode\": \"ask\", \"target\": \"other\", \"values\": \"[7, 8, 9]\"}", {"RESULT"}, false)));
  parent.Release();
  CheckAlive();
}

BOOST_FIXTURE_TEST_CASE(a_pool_outlives_the_worker_that_was_told_of_it, DyingFixture) {
  parent.SharePool();
  BOOST_TEST(parent.IsError(parent.Execute("{\"mode\": \"send\"}", kOutputs, true)));
  parent.Release();
  const std::vector<Seen> outputs = parent.OutputsOf(parent.Execute("{\"mode\": \"return\"}", {"C"}, true));
  BOOST_TEST(outputs.at(0).values == (Floats{1, 2, 3}));
  parent.Release();
}
