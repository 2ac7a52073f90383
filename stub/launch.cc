#include "stub/launch.h"

#include <csignal>
#include <cstdlib>
#include <cstring>

namespace mlflow_triton::stub {
namespace {

void DoNothing(int) {}

bool ParseNumber(const char *text, std::int64_t *number) {
  char *end = nullptr;
  *number = std::strtoll(text, &end, 10);
  return end != text && *end == '\0' && *number >= 0;
}

} // namespace

std::optional<LaunchArguments> ParseArguments(int argc, const char *const *argv) {
  if (argc < kLeastArguments) {
    return std::nullopt;
  }
  LaunchArguments arguments;
  std::int64_t initial_size = 0, growth = 0, parent = 0, control = 0;
  if (!ParseNumber(argv[3], &initial_size) || !ParseNumber(argv[4], &growth) || !ParseNumber(argv[5], &parent) ||
      !ParseNumber(argv[7], &control)) {
    return std::nullopt;
  }
  arguments.model_path = argv[1];
  arguments.region_name = argv[2];
  arguments.growth_step = static_cast<std::uint64_t>(growth);
  arguments.parent = static_cast<int>(parent);
  arguments.python_lib = argv[6];
  arguments.control = control;
  arguments.name = argv[8];
  arguments.runtime_model_dir = argc > 9 ? argv[9] : "DEFAULT";
  return arguments;
}

void InstallSignalHandlers() {
  struct sigaction action{};
  action.sa_handler = DoNothing;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool StripLibraryPath() {
  const char *value = std::getenv("LD_LIBRARY_PATH");
  const char *colon = value == nullptr ? nullptr : std::strchr(value, ':');
  if (colon == nullptr) {
    return false;
  }
  const std::string rest(colon + 1);
  setenv("LD_LIBRARY_PATH", rest.c_str(), 1);
  return true;
}

} // namespace mlflow_triton::stub
