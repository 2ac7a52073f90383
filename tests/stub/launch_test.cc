// The command line and the environment of a stub (spec sections 1.2 and 1.3).
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <cstdlib>
#include <regex>

#include "stub/ipc/outbox.h"
#include "stub/launch.h"

using namespace mlflow_triton::stub;

namespace {

std::vector<const char *> Words() {
  return {"stub", "/m/add/1/model.py", "region", "1048576", "2000", "42", "/lib", "336", "add_0_0", "DEFAULT"};
}

} // namespace

BOOST_AUTO_TEST_CASE(ten_words_are_understood) {
  const auto words = Words();
  const auto arguments = ParseArguments(10, words.data());
  BOOST_REQUIRE(arguments.has_value());
  BOOST_TEST(arguments->model_path == "/m/add/1/model.py");
  BOOST_TEST(arguments->region_name == "region");
  BOOST_TEST(arguments->growth_step == 2000u);
  BOOST_TEST(arguments->parent == 42);
  BOOST_TEST(arguments->python_lib == "/lib");
  BOOST_TEST(arguments->control == 336);
  BOOST_TEST(arguments->name == "add_0_0");
  BOOST_TEST(arguments->uses_model_file());
}

BOOST_AUTO_TEST_CASE(the_last_word_names_a_backend_folder) {
  auto words = Words();
  words[9] = "/backends/mlflow";
  BOOST_TEST(!ParseArguments(10, words.data())->uses_model_file());
  BOOST_TEST(ParseArguments(9, words.data())->uses_model_file());
}

BOOST_AUTO_TEST_CASE(a_trial_run_and_bad_numbers_give_nothing) {
  auto words = Words();
  BOOST_TEST(!ParseArguments(1, words.data()));
  BOOST_TEST(!ParseArguments(8, words.data()));
  for (const int index : {3, 4, 5, 7}) {
    words = Words();
    words[static_cast<std::size_t>(index)] = "12x";
    BOOST_TEST(!ParseArguments(10, words.data()), index);
  }
}

BOOST_AUTO_TEST_CASE(the_first_library_folder_is_removed) {
  setenv("LD_LIBRARY_PATH", "/env/lib:/a:/b", 1);
  BOOST_TEST(StripLibraryPath());
  BOOST_TEST(std::string(std::getenv("LD_LIBRARY_PATH")) == "/a:/b");
  setenv("LD_LIBRARY_PATH", "/env/lib:", 1);
  BOOST_TEST(StripLibraryPath());
  BOOST_TEST(std::string(std::getenv("LD_LIBRARY_PATH")) == "");
  BOOST_TEST(!StripLibraryPath());
  unsetenv("LD_LIBRARY_PATH");
  BOOST_TEST(!StripLibraryPath());
}

BOOST_AUTO_TEST_CASE(signals_of_the_process_group_do_nothing) {
  InstallSignalHandlers();
  raise(SIGINT);
  raise(SIGTERM);
  raise(SIGPIPE);
  BOOST_TEST(true); // still here
}

BOOST_AUTO_TEST_CASE(early_log_lines_look_like_the_servers) {
  const std::string line = FormatLogLine({LogLevel::kWarning, "/m/add/1/model.py", 7, "text"});
  BOOST_TEST(std::regex_match(line, std::regex("W\\d{4} \\d\\d:\\d\\d:\\d\\d\\.\\d{6} \\d+ model\\.py:7\\]  text\n")),
             line);
  BOOST_TEST(FormatLogLine({LogLevel::kVerbose, "f", 1, ""}).front() == 'I');
  BOOST_TEST(FormatLogLine({LogLevel::kError, "f", 1, ""}).front() == 'E');
}
