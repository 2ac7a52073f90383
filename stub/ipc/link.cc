#include "stub/ipc/link.h"

namespace mlflow_triton::stub {

Link::Link(const LaunchArguments &arguments)
    : Link(Region::Open(arguments.region_name, arguments.growth_step, arguments.control), arguments.control) {}

Link::Link(std::unique_ptr<Region> region, Handle control)
    : region_(std::move(region)), control_(region_->As<IpcControl>(control)),
      from_parent_(*region_, control_->stub_message_queue), to_parent_(*region_, control_->parent_message_queue),
      to_service_(*region_, control_->stub_to_parent_mq), from_service_(*region_, control_->parent_to_stub_mq),
      memory_manager_(*region_, control_->memory_manager_message_queue) {
  // Like the queues: whatever the parent does, health is told until the end.
  Region::Lock(*region_).AddReference(control);
  set_journal(Journal::Create());
}

std::unique_ptr<Journal> Link::set_journal(std::unique_ptr<Journal> journal) {
  if (journal_) {
    journal->CopyPools(*journal_);
  }
  journal_.swap(journal);
  from_parent_.NoteTakenIn(&journal_->page().command, {&journal_->page().answered, &journal_->page().batch_known});
  from_service_.NoteTakenIn(&journal_->page().service_message);
  return journal;
}

} // namespace mlflow_triton::stub
