#include "stub/ipc/helper_reply.h"

#include "stub/error.h"
#include "stub/ipc/call.h"

namespace mlflow_triton::stub {
namespace {

/// Builds the message of type `Shm`, sends it and copies the reply while the parent still keeps it alive.
template <typename Shm>
Shm Call(Context &context, Command command, const std::string &prefix, const AllocateObject &object) {
  Link &link = context.link;
  if (!link.helpers_allowed()) {
    throw StubError(prefix + "the server does not answer before 'initialize'.");
  }
  if (link.protocol().Number(command) == kNoCommand) {
    throw StubError(prefix + "not supported by Triton " + ReleasesOf(link.protocol().revision) + ".");
  }
  Region &region = link.region();
  ChunkSet chunks(region);
  Handle payload = kNoHandle;
  Shm fields{};
  {
    Region::Lock lock(region);
    fields.message = object(chunks, lock);
    payload = chunks.Allocate(lock, sizeof(Shm));
  }
  *region.As<Shm>(payload) = fields;
  std::string error;
  CallWithOwnLock(link, chunks, command, payload, [&](char *reply) {
    std::memcpy(static_cast<void *>(&fields), reply, sizeof(Shm));
    if (fields.has_error != 0) {
      error = "unknown error";
      try {
        error = fields.is_error_set != 0 ? ReadText(region, fields.error) : error;
      } catch (const StubError &) {
        // The acknowledgement must go out whatever the reply holds.
      }
    }
  });
  if (!error.empty()) {
    throw StubError(prefix + "Failed to process the request for model '" + context.name + "', message: " + error);
  }
  return fields;
}

} // namespace

MetricReply CallMetrics(Context &context, Command command, const std::string &prefix, const AllocateObject &object) {
  const auto reply = Call<MetricsCallShm>(context, command, prefix, object);
  return MetricReply{reply.value, reply.address};
}

bool CallModelControl(Context &context, Command command, const std::string &prefix, const AllocateObject &object) {
  return Call<ModelControlShm>(context, command, prefix, object).is_model_ready != 0;
}

} // namespace mlflow_triton::stub
