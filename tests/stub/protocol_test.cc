// Revisions, releases, command numbers and layouts by revision (spec sections 0.4, 3 and 4.1).
#include <boost/test/unit_test.hpp>

#include "stub/protocol/dtype.h"
#include "stub/protocol/revision_layout.h"

using namespace mlflow_triton::stub;

BOOST_AUTO_TEST_CASE(releases_map_to_revisions) {
  BOOST_TEST((RevisionOfRelease("23.10") == Revision::kR1));
  BOOST_TEST((RevisionOfRelease("24.10") == Revision::kR8));
  BOOST_TEST((RevisionOfRelease("r24.10") == Revision::kR8));
  BOOST_TEST((RevisionOfRelease("25.01") == Revision::kR8));
  BOOST_TEST((RevisionOfRelease("26.07") == Revision::kR11));
  BOOST_TEST(!RevisionOfRelease("23.09"));
  BOOST_TEST(!RevisionOfRelease(""));
  BOOST_TEST(ReleasesOf(Revision::kR8) == "24.10, 24.11, 24.12, 25.01");
  BOOST_TEST(RevisionName(Revision::kR11) == "R11");
}

BOOST_AUTO_TEST_CASE(python_variables_are_read_from_24_11_on) {
  BOOST_TEST(!ReleaseHonoursPythonVariables("24.10"));
  BOOST_TEST(ReleaseHonoursPythonVariables("24.11"));
  BOOST_TEST(ReleaseHonoursPythonVariables("25.01"));
}

BOOST_AUTO_TEST_CASE(command_numbers_shift_as_the_table_says) {
  BOOST_TEST(CommandNumber(Revision::kR1, Command::kFinalizeRequest) == 4);
  BOOST_TEST(CommandNumber(Revision::kR2, Command::kFinalizeRequest) == 5);
  BOOST_TEST(CommandNumber(Revision::kR1, Command::kIsRequestCancelled) == 26);
  BOOST_TEST(CommandNumber(Revision::kR2, Command::kIsRequestCancelled) == 28);
  BOOST_TEST(CommandNumber(Revision::kR6, Command::kIsRequestCancelled) == 29);
  BOOST_TEST(CommandNumber(Revision::kR8, Command::kIsRequestCancelled) == 30);
  BOOST_TEST(CommandNumber(Revision::kR8, Command::kLogRequest) == 16);
  BOOST_TEST(CommandNumber(Revision::kR8, Command::kResponseFactoryCleanup) == 18);
  BOOST_TEST(CommandNumber(Revision::kR2, Command::kResponseFactoryCleanup) == kNoCommand);
  BOOST_TEST(CommandNumber(Revision::kR10, Command::kCancelBlsInferRequest) == 31);
  BOOST_TEST(CommandNumber(Revision::kR11, Command::kUserModelReadinessRequest) == 32);
}

BOOST_AUTO_TEST_CASE(numbers_and_commands_are_inverse) {
  for (int revision = 1; revision <= kRevisionCount; ++revision) {
    const auto r = static_cast<Revision>(revision);
    for (int command = 0; command < kCommandCount; ++command) {
      const auto c = static_cast<Command>(command);
      if (const auto number = CommandNumber(r, c); number != kNoCommand) {
        BOOST_TEST((CommandOfNumber(r, number) == c));
      }
    }
    BOOST_TEST(!CommandOfNumber(r, -1));
    BOOST_TEST(!CommandOfNumber(r, 33));
  }
}

BOOST_AUTO_TEST_CASE(layouts_of_r8) {
  const Protocol &protocol = ProtocolOf(Revision::kR8);
  BOOST_TEST(protocol.request.input_count == 0);
  BOOST_TEST(protocol.request.timeout == 48);
  BOOST_TEST(protocol.request.trace_handle == 72);
  BOOST_TEST(protocol.request.release_flags == 80);
  BOOST_TEST(protocol.request.parameters_handle == 112);
  BOOST_TEST(protocol.batch.is_response_factory_deleted == static_cast<std::int32_t>(112 + kWider));
  BOOST_TEST(protocol.memory.byte_size == 40);
  BOOST_TEST(protocol.response.parameters == kAbsent);
  BOOST_TEST(protocol.combined_execute_response);
  BOOST_TEST(protocol.sender_uses_s2p);
  BOOST_TEST((protocol.factory_owner == FactoryOwner::kParentUnlessUnanswered));
}

BOOST_AUTO_TEST_CASE(layouts_of_other_revisions) {
  BOOST_TEST(ProtocolOf(Revision::kR1).memory.size == 48);
  BOOST_TEST(ProtocolOf(Revision::kR1).request.timeout_bytes == 4);
  BOOST_TEST(ProtocolOf(Revision::kR2).request.release_flags == 80);
  BOOST_TEST(ProtocolOf(Revision::kR3).request.trace_pointer == 80);
  BOOST_TEST(ProtocolOf(Revision::kR4).request.trace_handle == 80);
  BOOST_TEST((ProtocolOf(Revision::kR5).factory_owner == FactoryOwner::kStubAfterFinal));
  BOOST_TEST(ProtocolOf(Revision::kR6).sender_for_all_models);
  BOOST_TEST(!ProtocolOf(Revision::kR7).combined_execute_response);
  BOOST_TEST(ProtocolOf(Revision::kR9).response.parameters == 8);
}

BOOST_AUTO_TEST_CASE(data_types) {
  BOOST_TEST((DTypeOfNumpy('f', 2) == DType::kFp16));
  BOOST_TEST((DTypeOfNumpy('b', 1) == DType::kBool));
  BOOST_TEST((DTypeOfNumpy('S', 7) == DType::kBytes));
  BOOST_TEST((DTypeOfNumpy('O', 8) == DType::kBytes));
  BOOST_TEST((DTypeOfNumpy('U', 4) == DType::kInvalid));
  BOOST_TEST((DTypeOfNumpy('c', 8) == DType::kInvalid));
  BOOST_TEST((DTypeOfDlpack(4, 16) == DType::kBf16));
  BOOST_TEST((DTypeOfDlpack(2, 16) == DType::kFp16));
  BOOST_TEST((DTypeOfDlpack(5, 64) == DType::kInvalid));
  BOOST_TEST((InfoOf(static_cast<DType>(99)).size == 0u));
}
